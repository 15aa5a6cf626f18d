from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("changes", "0003_signatures"),
    ]

    operations = [
        migrations.AlterField(
            model_name="change",
            name="limit",
            field=models.CharField(default="", max_length=1000),
        ),
    ]

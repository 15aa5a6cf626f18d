from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("execution", "0002_run_left_out_run_predicted"),
    ]

    operations = [
        migrations.AddField(
            model_name="run",
            name="reason",
            field=models.TextField(default=""),
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("processes", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="incident",
            name="assigned_to",
            field=models.CharField(default="", max_length=100),
        ),
        migrations.AddField(
            model_name="incident",
            name="closed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="incident",
            name="closed_by",
            field=models.CharField(default="", max_length=100),
        ),
        migrations.AddField(
            model_name="incident",
            name="resolution",
            field=models.TextField(default=""),
        ),
    ]

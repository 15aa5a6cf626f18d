from django.db import migrations, models

REFUSE_UPDATE = """
CREATE TRIGGER audit_entry_no_update BEFORE UPDATE ON audit_entry
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
"""
REFUSE_DELETE = """
CREATE TRIGGER audit_entry_no_delete BEFORE DELETE ON audit_entry
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("seq", models.PositiveBigIntegerField(primary_key=True, serialize=False)),
                ("at", models.CharField(max_length=32)),
                ("actor", models.CharField(max_length=100)),
                ("os_user", models.CharField(max_length=100)),
                ("action", models.CharField(max_length=60)),
                ("subject", models.CharField(max_length=100)),
                ("detail", models.TextField()),
                ("previous", models.CharField(max_length=64)),
                ("hash", models.CharField(max_length=64)),
            ],
            options={"db_table": "audit_entry", "ordering": ("seq",)},
        ),
        migrations.RunSQL(REFUSE_UPDATE, "DROP TRIGGER audit_entry_no_update"),
        migrations.RunSQL(REFUSE_DELETE, "DROP TRIGGER audit_entry_no_delete"),
    ]

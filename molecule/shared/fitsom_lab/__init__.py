"""The lab: a school's servers as containers. Start with cli.py, then labs.py."""

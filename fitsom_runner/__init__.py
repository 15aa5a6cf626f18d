"""The runner of fitsom: it wraps every Ansible run in a FITS change record."""

__version__ = "0.1.0"

"""The gate: people reach records that belong to a service account, each by their own login.

    fitsom (client.py)  --- a socket of the machine --->  the records' account (server.py)

The kernel tells the server whose process has called, so nobody chooses who they are. The caller's terminal is handed
over with the call, so that the command itself runs there unchanged; what it needs of the caller's files and keys it
asks for through the same socket (messages.py). See docs/decisions/0040-gate.md.
"""

"""The control socket itself, for tests that count what one order makes the daemon do."""
import json
import socket


class Control:
    """One connection. Ends with the `with` block."""

    def __init__(self, hub, patience=60):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(patience)
        self.socket.connect(str(hub.run / "control.sock"))

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.socket.close()

    def ask(self, command, **fields):
        """The answer; None when the daemon ended before it gave one."""
        try:
            self.socket.send(json.dumps({"command": command, **fields}).encode())
            answer = self.socket.recv(1 << 17)
        except (BrokenPipeError, ConnectionResetError):
            return None
        return json.loads(answer) if answer else None


def status_of(hub, camera):
    """The camera in `status`, with the reason that `latchkeyctl --json` leaves out."""
    with Control(hub) as control:
        return next(row for row in control.ask("status")["ok"]["cameras"] if row["id"] == camera["id"])

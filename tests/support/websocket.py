"""A WebSocket client of a few lines (RFC 6455), for what a page would say."""
import base64
import os
import socket
import ssl
import struct


class WebSocket:
    """Opens at once; `refused` is the status line when the hub said no."""

    def __init__(self, host, port, path="/events", headers=None, tls=False, patience=20):
        self.socket = socket.create_connection((host, port), patience)
        if tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket, server_hostname=host)
        fields = {"Host": f"{host}:{port}", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                  "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(), **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)
        self.socket.sendall(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
        self.pending, self.head = b"", ""
        while b"\r\n\r\n" not in self.pending:
            piece = self.socket.recv(65536)
            if not piece:
                break
            self.pending += piece
        head, _, self.pending = self.pending.partition(b"\r\n\r\n")
        self.head = head.decode(errors="replace")
        status = self.head.splitlines()[0] if self.head else ""
        self.refused = "" if " 101 " in status else status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def say(self, text):
        data, mask = text.encode(), os.urandom(4)
        size = bytes([0x80 | len(data)]) if len(data) < 126 else bytes([0x80 | 126]) + struct.pack(">H", len(data))
        self.socket.sendall(b"\x81" + size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def _take(self, count):
        while len(self.pending) < count:
            piece = self.socket.recv(65536)
            if not piece:
                raise EOFError
            self.pending += piece
        taken, self.pending = self.pending[:count], self.pending[count:]
        return taken

    def hear(self):
        """The next text; (code, reason) when the hub closes; None when it is just gone."""
        try:
            while True:
                first, size = self._take(2)
                if size == 126:
                    size, = struct.unpack(">H", self._take(2))
                elif size == 127:
                    size, = struct.unpack(">Q", self._take(8))
                data = self._take(size)
                if first & 0x0F == 1:
                    return data.decode()
                if first & 0x0F == 8:
                    return struct.unpack(">H", data[:2])[0], data[2:].decode()
        except (EOFError, OSError):
            return None

"""An RTSP camera for tests: enough of RFC 2326 for one client over interleaved TCP. ffmpeg makes the RTP."""
import contextlib
import socket
import subprocess
import tempfile
import threading
from pathlib import Path


class RtspCamera:
    def __init__(self, film, port=0, codec_args=("-c", "copy")):
        self.film, self.codec_args = film, codec_args
        self.folder = tempfile.TemporaryDirectory(prefix="latchkey-rtsp.")
        self.server = socket.create_server(("127.0.0.1", port))
        self.port = self.server.getsockname()[1]
        self.url = f"rtsp://127.0.0.1:{self.port}/stream"
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.client = None
        self.stopping = False
        sdp = Path(self.folder.name) / "camera.sdp"
        rtp = f"rtp://127.0.0.1:{self.udp.getsockname()[1]}?pkt_size=1200"
        self.ffmpeg = subprocess.Popen(
            ["ffmpeg", "-v", "error", "-re", "-stream_loop", "-1", "-i", str(film), "-an", *codec_args, "-f", "rtp",
             "-sdp_file", str(sdp), rtp], stdin=subprocess.DEVNULL)
        pause = threading.Event()
        while not sdp.exists() or "m=video" not in sdp.read_text():
            if self.ffmpeg.poll() is not None:
                raise AssertionError("ffmpeg ended")
            pause.wait(0.05)
        self.sdp = sdp.read_text()
        self.threads = [threading.Thread(target=self.serve, daemon=True), threading.Thread(target=self.relay, daemon=True)]
        for thread in self.threads:
            thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stopping = True
        self.ffmpeg.kill()
        self.ffmpeg.wait()
        for item in (self.client, self.server, self.udp):
            if item is not None:
                with contextlib.suppress(OSError):
                    item.shutdown(socket.SHUT_RDWR)
                item.close()
        self.folder.cleanup()

    def relay(self):
        """RTP of ffmpeg to the client, framed as RFC 2326 10.12 says."""
        while not self.stopping:
            try:
                packet = self.udp.recv(2048)
            except OSError:
                return
            client = self.client
            if client is not None:
                with contextlib.suppress(OSError):
                    client.sendall(b"$\0" + len(packet).to_bytes(2, "big") + packet)

    def serve(self):
        while not self.stopping:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            with contextlib.suppress(OSError):
                self.talk(connection)
            self.client = None
            connection.close()

    def talk(self, connection):
        pending = b""
        while True:
            while b"\r\n\r\n" not in pending:
                data = connection.recv(4096)
                if not data:
                    return
                pending += data
                # The client's interleaved RTCP is of no interest.
                while pending[:1] == b"$" and len(pending) >= 4 and len(pending) >= 4 + int.from_bytes(pending[2:4], "big"):
                    pending = pending[4 + int.from_bytes(pending[2:4], "big"):]
            head, pending = pending.split(b"\r\n\r\n", 1)
            lines = head.decode().split("\r\n")
            method = lines[0].split()[0]
            headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:])}
            extra, body = [], ""
            if method == "OPTIONS":
                extra = ["Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN"]
            elif method == "DESCRIBE":
                extra, body = ["Content-Type: application/sdp", f"Content-Base: {self.url}/"], self.sdp
            elif method == "SETUP":
                extra = ["Transport: RTP/AVP/TCP;unicast;interleaved=0-1", "Session: 1"]
            reply = ["RTSP/1.0 200 OK", f"CSeq: {headers['cseq']}", *extra, f"Content-Length: {len(body)}"]
            connection.sendall(("\r\n".join(reply) + "\r\n\r\n" + body).encode())
            if method == "PLAY":
                self.client = connection
            if method == "TEARDOWN":
                return

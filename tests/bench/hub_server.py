"""Latchkey as a server under test: a daemon of its own on loopback, one camera, one viewer."""
from support.hub import Hub, eventually


class HubServer:
    name = "latchkey"
    address = "127.0.0.1"

    def __enter__(self):
        self.hub = Hub().__enter__()
        try:
            self.camera = self.hub.add_camera("Bench")
            self.viewer = self.hub.add_viewer("Anna", self.camera)
            self.lane, = eventually("a lane", lambda: self.hub.children("latchkey-lane"))
        except BaseException:
            self.hub.__exit__(None, None, None)
            raise
        self.folder = self.hub.folder
        return self

    def __exit__(self, *exc):
        return self.hub.__exit__(*exc)

    @property
    def pid(self):
        """The process whose CPU is counted: everything that touches media."""
        return self.lane

    def publish(self, offer):
        return self._post(f"/whip/{self.camera['id']}", offer, self.camera["token"])

    def view(self, offer):
        """Waits for the first picture: before that the hub answers that there is nothing to see."""
        self.hub.live(self.camera)
        return self._post(f"/whep/{self.camera['id']}", offer, self.viewer["token"])

    def _post(self, path, offer, token):
        reply = self.hub.post_sdp(path, offer, token)
        assert reply.status == 201, (path, reply.status, reply.body)
        return {"sdp": reply.body.decode()}

// For tests of the page alone: a peer connection that plays a drawn picture instead of a hub's. Which
// cameras stand still is in window.frozen; the real one is met in the end-to-end tests.
export function drawnPictures() {
  window.frozen = false;
  window.peers = [];
  class DrawnPeer extends EventTarget {
    connectionState = "new";
    localDescription = { type: "offer", sdp: "v=0\r\ndrawn\r\n" };
    constructor() {
      super();
      window.peers.push(this);
    }
    addTransceiver() {}
    async setLocalDescription() {}
    async setRemoteDescription() {
      const canvas = document.createElement("canvas");
      canvas.width = 1280;
      canvas.height = 720;
      const pen = canvas.getContext("2d");
      let n = 0;
      const hue = window.peers.length * 47;
      this.timer = setInterval(() => {
        if (window.frozen) return;
        n += 1;
        const sky = pen.createLinearGradient(0, 0, 0, 720);
        sky.addColorStop(0, `hsl(${hue} 35% 62%)`);
        sky.addColorStop(1, `hsl(${hue + 40} 30% 30%)`);
        pen.fillStyle = sky;
        pen.fillRect(0, 0, 1280, 720);
        pen.fillStyle = `hsl(${hue + 20} 25% 22%)`;
        pen.fillRect(0, 520, 1280, 200);
        pen.fillStyle = "#fff8";
        pen.beginPath();
        pen.arc(200 + ((n * 6) % 900), 300, 60, 0, 7);
        pen.fill();
      }, 40);
      const stream = canvas.captureStream(25);
      this.connectionState = "connected";
      for (const track of stream.getTracks()) this.ontrack?.({ track, receiver: {}, streams: [stream] });
    }
    close() {
      clearInterval(this.timer);
      this.connectionState = "closed";
    }
  }
  window.RTCPeerConnection = DrawnPeer;
}

// How many connections to the hub's events the page has opened, what it has asked and what it has heard on
// them: window.sockets.
export function countedSockets() {
  const counts = { opened: 0, asked: 0, heard: 0 };
  window.sockets = counts;
  window.WebSocket = class extends WebSocket {
    constructor(...where) {
      super(...where);
      counts.opened += 1;
      this.addEventListener("message", () => (counts.heard += 1));
    }
    send(what) {
      counts.asked += 1;
      super.send(what);
    }
  };
}

"""A sender that knows nothing of WebRTC: Debian's FFmpeg under a key that the hub made (`camera add --sdes`)."""


def ffmpeg(hub, camera, port, *codec):
    """A test picture, encoded and sent as SRTP."""
    codec = codec or ("libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p")
    return hub.program("ffmpeg", [
        "ffmpeg", "-hide_banner", "-loglevel", "warning", "-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=25",
        "-c:v", *codec, "-g", "25", "-f", "rtp", "-srtp_out_suite", "AES_CM_128_HMAC_SHA1_80",
        "-srtp_out_params", camera["sdes_key"], f"srtp://127.0.0.1:{port}?pkt_size=1200"])

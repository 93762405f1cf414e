"""placeholder"""
class JanusServer:
    name = "janus"
def why_no_janus():
    return "not yet"

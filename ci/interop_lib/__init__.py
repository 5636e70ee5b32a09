"""ringmq against real peers: the driver behind ``ci/interop``.

The driver starts two peer processes that speak the same JSON-line protocol, one made with
ringmq (``ci/peer``) and one made with pyzmq (``pyzmq_peer``), has them exchange a
deterministic stream of messages, kills and restarts them, and judges what arrived.
"""

"""HTTP whose answers wait for nothing: what uvicorn speaks, on sockets that hold nothing back.

The kernel holds back the end of an answer until its beginning has arrived, some 40 ms later, unless
it is told not to. asyncio tells it so of sockets that it knows to speak TCP. A socket that uvicorn
shares among processes is none of them.
"""

import asyncio
import socket

from uvicorn.protocols.http.auto import AutoHTTPProtocol


class PromptProtocol(AutoHTTPProtocol):  # type: ignore[misc,valid-type]
    """uvicorn's own protocol, of what is installed; its answers are sent as they are written."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection, and have the kernel send at once."""
        super().connection_made(transport)
        found = transport.get_extra_info("socket")
        if found is not None and found.family in (socket.AF_INET, socket.AF_INET6):
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

"""Proxies that are wrong in one way each, so that the load's checks can be seen to find it."""

import asyncio
import re

from conductor import names

NAME = re.compile(rb"h(\d{6})\.bench\.test")
RANDOM = 11        # where the order stands in a hello; see wire.h
HOST_AT = RANDOM + 16
REPLY = 4096       # bytes of the backend's first answer
FAR = 100000       # bytes into a stream, behind any greeting
KEPT = []          # connections that must not be closed by being forgotten


async def dial(host):
    return await asyncio.open_connection(names.backend_ip(host), names.PORT)


def host_of(hello):
    return int(NAME.search(hello)[1])


async def forward(reader, writer, wrong_at=None):
    """Until the end; the byte at `wrong_at` becomes another one."""
    passed = 0
    while data := await reader.read(65536):
        if wrong_at is not None and passed <= wrong_at < passed + len(data):
            data = bytearray(data)
            data[wrong_at - passed] ^= 1
        passed += len(data)
        writer.write(data)
        await writer.drain()
    writer.close()


async def right(reader, writer, hello):
    """None of them: what is found with it would be a fault of the checks."""
    backend_reader, backend_writer = await dial(host_of(hello))
    backend_writer.write(hello)
    await asyncio.gather(forward(reader, backend_writer), forward(backend_reader, writer))


async def wrong_backend(reader, writer, hello):
    """The next host's backend, whose own check is deceived."""
    host = host_of(hello) + 1
    deceived = bytearray(NAME.sub(names.host(host).encode(), hello))
    deceived[HOST_AT:HOST_AT + 4] = host.to_bytes(4, "little")
    backend_reader, backend_writer = await dial(host)
    backend_writer.write(deceived)
    await asyncio.gather(forward(reader, backend_writer), forward(backend_reader, writer))


async def one_wrong_byte(reader, writer, hello):
    backend_reader, backend_writer = await dial(host_of(hello))
    backend_writer.write(hello)
    reply = bytearray(await backend_reader.readexactly(REPLY))
    reply[1234] ^= 1
    writer.write(reply)
    await asyncio.gather(forward(reader, backend_writer), forward(backend_reader, writer))


class WrongByteIn:
    """Right for long, then not: in a download or an upload."""

    def __init__(self, way):
        self.__name__ = f"one_wrong_byte_in_{way}"
        self.up_at, self.down_at = (FAR, None) if way == "up" else (None, FAR)

    async def __call__(self, reader, writer, hello):
        backend_reader, backend_writer = await dial(host_of(hello))
        backend_writer.write(hello)
        await asyncio.gather(forward(reader, backend_writer, self.up_at),
                             forward(backend_reader, writer, self.down_at))


class CrossedIn:
    """Two connections that were greeted get each other's bytes, one way."""

    def __init__(self, way):
        self.__name__ = f"crossed_in_{way}"
        self.way, self.waiting = way, None

    async def __call__(self, reader, writer, hello):
        backend_reader, backend_writer = await dial(host_of(hello))
        backend_writer.write(hello)
        writer.write(await backend_reader.readexactly(REPLY))
        ends = {"up": backend_writer, "down": writer}
        if self.waiting is None:
            self.waiting = ends, asyncio.get_running_loop().create_future()
            other = await self.waiting[1]
        else:
            (other, told), self.waiting = self.waiting, None
            told.set_result(dict(ends))
        ends = {**ends, self.way: other[self.way]}
        await asyncio.gather(forward(reader, ends["up"]), forward(backend_reader, ends["down"]))


async def never_closes(reader, writer, hello):
    """Right in everything but that it keeps what it has when its client has gone."""
    backend_reader, backend_writer = await dial(host_of(hello))
    backend_writer.write(hello)
    KEPT.append((reader, writer, backend_reader, backend_writer))

    async def keep(source, sink):
        while data := await source.read(65536):
            sink.write(data)
    await asyncio.gather(keep(reader, backend_writer), keep(backend_reader, writer))
    await asyncio.Event().wait()


class Crossed:
    """Two connections at a time get each other's bytes."""

    def __init__(self):
        self.waiting = None

    async def __call__(self, reader, writer, hello):
        backend_reader, backend_writer = await dial(host_of(hello))
        backend_writer.write(hello)
        if self.waiting is None:
            self.waiting = asyncio.get_running_loop().create_future()
            self.first = writer
            other = await self.waiting
        else:
            other, waiting, self.waiting = self.first, self.waiting, None
            waiting.set_result(writer)
        await asyncio.gather(forward(reader, backend_writer), forward(backend_reader, other))


async def crossed_request(reader, writer, hello):
    """A byte of the request is not the client's; the backend tells."""
    backend_reader, backend_writer = await dial(host_of(hello))
    backend_writer.write(hello)
    writer.write(await backend_reader.readexactly(REPLY))
    request = bytearray(await reader.read(65536))
    request[7] ^= 1
    backend_writer.write(request)
    await asyncio.gather(forward(reader, backend_writer), forward(backend_reader, writer))


async def cut(reader, writer, hello):
    """Half a reply, and the end."""
    backend_reader, backend_writer = await dial(host_of(hello))
    backend_writer.write(hello)
    writer.write(await backend_reader.readexactly(REPLY // 2))
    writer.close()
    backend_writer.close()


async def alert(_, writer, __):
    writer.write(bytes.fromhex("15030300020270"))
    writer.close()


async def silent(reader, *_):
    await reader.read()


async def stalls(reader, writer, hello):
    """Right for long, then nothing more of the response."""
    backend_reader, backend_writer = await dial(host_of(hello))
    backend_writer.write(hello)
    writer.write(await backend_reader.readexactly(REPLY))
    backend_writer.write(await reader.read(65536))
    writer.write(await backend_reader.readexactly(FAR))
    await reader.read()


def listener(behaviour, port):
    """A server that treats every connection so."""
    async def on_connection(reader, writer):
        try:
            await behaviour(reader, writer, await reader.read(65536))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the last: it is over, and some never end by themselves
        finally:
            writer.close()
    return asyncio.start_server(on_connection, names.PROXY_IP, port)

"""A Redis client whose plain commands share a connection: what many tasks ask at one moment leaves in one write."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import hiredis
from redis.asyncio import Redis
from redis.client import EMPTY_RESPONSE, NEVER_DECODE
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import InvalidResponse, ReadOnlyError
from redis.exceptions import TimeoutError as TooSlow

_NOTHING = object()
PLAIN = frozenset(
    (
        *("DEL", "EXISTS", "EXPIRE", "FT.CONFIG", "FT.PROFILE", "FT.SEARCH", "GET", "INCR", "PEXPIRE", "SET", "UNLINK"),
        *("HDEL", "HGET", "HGETALL", "HKEYS", "HINCRBY", "HMGET", "HSET", "HSETNX"),
        *("ZADD", "ZRANGE", "ZRANGEBYSCORE", "ZREM", "ZREVRANGEBYLEX"),
        *("EVAL", "EVALSHA"),
        *("SADD", "SMEMBERS", "SREM"),
    )
)
"""Commands that neither wait in the server nor change the state of their connection."""

LANE = "lane"
"""Option of a command: which shared connection it takes. What takes the same one reaches the server in order."""
LANES = 4
"""Shared connections beside the first. The server reads 16 KB of each at a time, then writes to its disk: over one
alone, many runs at once wait for the disk more often than they have to."""
SEARCHES = -1
"""The connection of the searches, which take longer."""
FLAT = -2
"""That of searches sent together: it speaks RESP2, whose lists are read in an eighth of the time of RESP3's maps.
redis-py's own search, which asks alone, does not expect them."""
_OF_A_SEARCH = frozenset(("FT.PROFILE", "FT.SEARCH", "HMGET"))
"""What takes that connection where it is sent together: reading what was found overtakes no other search, so that under
many of them none waits much longer than the others."""


@dataclass(slots=True)
class _Asked:
    """Commands that one task sent together, and the replies so far."""

    done: "asyncio.Future[list[Any]]"
    since: float
    count: int
    replies: list[Any] = field(default_factory=list)


class Wire(asyncio.Protocol):
    """One connection with any number of commands under way; replies come in the order of the commands.

    What is asked at one moment leaves in one write; `at_once`, each by itself: a search takes so long that the server
    may as well begin with the first while the next is being put together.
    """

    def __init__(self, connection: Any, *, at_once: bool = False) -> None:
        self.lost = False
        self._at_once = at_once
        self._loop = asyncio.get_running_loop()
        self._connection = connection
        # redis-py has no way to hand over a socket it has opened and signed in on.
        self._transport: Any = connection._writer.transport
        self._transport.set_protocol(self)
        self._timeout: float | None = connection.socket_timeout
        self._reader = hiredis.Reader(InvalidResponse, connection._parser.parse_error, notEnoughData=_NOTHING)
        self._waiting: deque[_Asked] = deque()
        self._unsent: list[bytes] = []
        self._alarm: asyncio.TimerHandle | None = None
        self._closed = self._loop.create_future()

    def send(self, packed: Sequence[bytes]) -> "asyncio.Future[list[Any]]":
        """Return the future replies to commands; a reply may be an error."""
        asked = _Asked(self._loop.create_future(), self._loop.time(), len(packed))
        self._waiting.append(asked)
        first = not self._unsent
        self._unsent += packed
        if self._at_once:
            self._flush()
        elif first:
            self._loop.call_soon(self._flush)
        return asked.done

    def data_received(self, data: bytes) -> None:
        """Hand each reply to who waits for it."""
        reader = self._reader
        try:
            reader.feed(data)
            while (reply := reader.gets()) is not _NOTHING:
                if type(reply) is not hiredis.PushNotification:
                    self._answer(reply)
        except InvalidResponse as error:
            self._fail(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everyone who waits."""
        self._fail(LostConnection(f"Connection lost: {exc}" if exc else "Connection closed by server."))
        if not self._closed.done():
            self._closed.set_result(None)

    async def aclose(self) -> None:
        """Close the connection; who still waits gets an error."""
        self._fail(LostConnection("Connection closed."))
        await self._closed

    def _flush(self) -> None:
        packed, self._unsent = self._unsent, []
        if self.lost or not packed:
            return
        self._transport.write(b"".join(packed))
        if self._alarm is None and self._timeout:
            self._alarm = self._loop.call_later(self._timeout, self._check)

    def _answer(self, reply: Any) -> None:
        asked = self._waiting[0]
        asked.replies.append(reply)
        if len(asked.replies) == asked.count:
            self._waiting.popleft()
            if not asked.done.done():  # else who asked was cancelled
                asked.done.set_result(asked.replies)

    def _check(self) -> None:
        """Give up the connection where the oldest command has waited too long."""
        self._alarm = None
        if not self._waiting or self._timeout is None:
            return
        due = self._waiting[0].since + self._timeout
        if self._loop.time() >= due:
            self._fail(TooSlow("Timeout reading from Redis."))
        else:
            self._alarm = self._loop.call_at(due, self._check)

    def _fail(self, error: Exception) -> None:
        self.lost = True
        if self._alarm:
            self._alarm.cancel()
            self._alarm = None
        self._connection._close()
        while self._waiting:
            self._answer(type(error)(*error.args))


class WiredRedis(Redis):
    """Sends plain commands over shared connections, searches over two of their own; others take one from the pool.

    A command whose shared connection broke is tried again by the pool's rules.
    """

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._wires: dict[int, Wire] = {}
        self._opening = asyncio.Lock()
        self._gone = False
        self.keeps_order = not self.connection_pool.connection_kwargs.get("decode_responses")

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run one command."""
        lane = options.pop(LANE, 0)
        if self._gone:
            raise LostConnection("Connection closed.")
        if not self.keeps_order or args[0] not in PLAIN or EMPTY_RESPONSE in options:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call] # the vendor's own
        wire = await self._wire(SEARCHES if args[0] == "FT.SEARCH" else lane)
        try:
            [reply] = await wire.send([hiredis.pack_command(cast(Any, args))])
        except TypeError:
            # A word that cannot be sent is a TypeError here and a well worded error there.
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call] # the vendor's own
        if self._tries_again(reply):
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call] # the vendor's own
        options.pop(NEVER_DECODE, None)
        options.pop("keys", None)
        return self._read(args, reply, options)

    async def execute_together(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Run commands in one write, without a task for each; an error is raised when all have ended."""
        if not self.keeps_order or not all(command[0] in PLAIN for command in commands):
            return await _each(self, commands)
        try:
            packed = [hiredis.pack_command(cast(Any, command)) for command in commands]
        except TypeError:
            return await _each(self, commands)
        lanes = [FLAT if command[0] in _OF_A_SEARCH else 0 for command in commands]
        replies = await self._replies(lanes, packed)
        broken = [place for place, reply in enumerate(replies) if isinstance(reply, Exception)]
        replies = self._read_all(commands, replies)
        for place in broken:
            if not self._tries_again(replies[place]):
                raise replies[place]
            replies[place] = await super().execute_command(*commands[place])  # type: ignore[no-untyped-call] # the vendor's own
        return replies

    def _read_all(self, commands: Sequence[tuple[Any, ...]], replies: list[Any]) -> list[Any]:
        """Return the replies as redis-py reads them, errors as they are."""
        # Most have the same name, and most names have no reader.
        reads = {name: self.response_callbacks.get(name) for name in {command[0] for command in commands}}
        if not any(reads.values()):
            return replies
        return [_read_by(reads[command[0]], reply) for command, reply in zip(commands, replies, strict=True)]

    async def _replies(self, lanes: Sequence[int], packed: Sequence[bytes]) -> list[Any]:
        """Send each command over its lane and return the replies in the commands' order, errors among them."""
        if len(set(lanes)) == 1:
            return await (await self._wire(lanes[0])).send(packed)
        wires = {lane: await self._wire(lane) for lane in dict.fromkeys(lanes)}
        places = {lane: [place for place, own in enumerate(lanes) if own == lane] for lane in wires}
        sent = {lane: wire.send([packed[place] for place in places[lane]]) for lane, wire in wires.items()}
        replies: list[Any] = [None] * len(packed)
        try:
            for lane, reply in sent.items():
                for place, one in zip(places[lane], await reply, strict=True):
                    replies[place] = one
        finally:
            for reply in sent.values():
                reply.cancel()  # where the caller gave up, nobody looks at the rest
        return replies

    def _tries_again(self, reply: Any) -> bool:
        """Tell whether a command is to be sent by the pool; once this client is closed, nothing is."""
        return isinstance(reply, LostConnection | ReadOnlyError) and not self._gone

    def _read(self, command: Sequence[Any], reply: Any, options: dict[str, Any]) -> Any:
        if isinstance(reply, Exception):
            raise reply
        read = self.response_callbacks.get(command[0])
        return read(reply, **options) if read else reply

    async def _wire(self, lane: int) -> Wire:
        wire = self._wires.get(lane)
        return wire if wire is not None and not wire.lost else await self._open(lane)

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Close every connection; what still asks, as the end of a run that was given up does, opens none anew."""
        async with self._opening:
            self._gone = True
            wires, self._wires = self._wires, {}
        for wire in wires.values():
            await wire.aclose()
        await super().aclose(close_connection_pool)

    async def _open(self, lane: int) -> Wire:
        async with self._opening:
            if self._gone:
                raise LostConnection("Connection closed.")
            wire = self._wires.get(lane)
            if wire is None or wire.lost:
                connection = self._connection(lane)
                try:
                    await connection.connect()
                except BaseException:
                    await connection.disconnect(nowait=True)
                    raise
                wire = self._wires[lane] = Wire(connection, at_once=lane == FLAT)
        return wire

    def _connection(self, lane: int) -> Any:
        pool: Any = self.connection_pool
        if lane == FLAT:
            return pool.connection_class(**{**pool.connection_kwargs, "protocol": 2})
        return pool.make_connection()


def _read_by(read: Callable[[Any], Any] | None, reply: Any) -> Any:
    return reply if read is None or isinstance(reply, Exception) else read(reply)


async def together(client: Any, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Run commands that do not depend on each other and return their replies, by the cheapest way the client has."""
    if isinstance(client, WiredRedis):
        return await client.execute_together(commands)
    return await _each(client, commands)


async def _each(client: Any, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
    return list(await asyncio.gather(*(client.execute_command(*command) for command in commands)))

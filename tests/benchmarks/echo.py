"""A bare echo, a process of its own: answers each frame with one of the given size. Its first line is its port."""

from __future__ import annotations

import asyncio
import json
import sys

from websockets.asyncio.server import ServerConnection, serve


async def main(size: int) -> None:
    answer = "x" * size

    async def each(line: ServerConnection) -> None:
        async for _ in line:
            await line.send(answer)

    async with serve(each, "127.0.0.1", 0, compression=None) as server:
        print(json.dumps({"port": next(iter(server.sockets)).getsockname()[1]}), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))

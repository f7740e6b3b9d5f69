"""An MCP server for the tests: python mcp_desk.py."""

import os

from mcp.server.fastmcp import FastMCP

desk = FastMCP("desk", log_level="ERROR")
count = 0


@desk.tool()
def stock(item: str) -> str:
    """Tell how many of an item are there."""
    global count
    count += 1
    return f"{item}: {40 + count} ({os.environ.get('DESK_KEY', '')})"


@desk.tool()
def order(item: str, amount: int) -> str:
    """Order an item."""
    return f"ordered {amount} {item}"


@desk.tool()
def fall_over() -> str:
    """End the server."""
    os._exit(1)


if __name__ == "__main__":
    desk.run()

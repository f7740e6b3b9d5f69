"""The analyst and the diagnostician in the whole application, without a model."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from twintrack.app.assemble import open_app
from twintrack.core.settings import RedisSettings, Settings, TeamSettings

pytest.importorskip("duckdb")


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("What is the highest amount by region in sales, and what is 6 * 7?", "North: 10.5; South: 20.0"),
        ("每个region的平均amount是多少，以及 6 * 7 等于多少？", "North: 7.75; South: 20.0"),
    ],
)
async def test_a_question_about_tables_and_a_calculation_reach_their_own_agents(
    redis_url: str, tmp_path: Path, question: str, said: str
) -> None:
    file = tmp_path / "sales.csv"
    file.write_text("region,product,amount\nNorth,pen,10.5\nSouth,pen,20\nNorth,ink,5\n")
    settings = Settings(redis=RedisSettings(url=SecretStr(redis_url)), team=TeamSettings(tables=(file,)))
    async with open_app(settings) as app:
        answer = await app.ask(question)
    assert said in answer.text
    assert "42" in answer.text


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Which error failed first in the logs, and what is 6 * 7?", "First error: 2026-03-01 10:05:00 db: gone"),
        ("日志里最早的错误是什么，以及 6 * 7 等于多少？", "最早的错误：2026-03-01 10:05:00 db: gone"),
    ],
)
async def test_a_question_about_logs_reaches_the_diagnostician(
    redis_url: str, tmp_path: Path, question: str, said: str
) -> None:
    file = tmp_path / "shop.log"
    file.write_text("2026-03-01 10:05:00 ERROR db: gone\n2026-03-01 10:05:02 ERROR web: failed\n")
    settings = Settings(redis=RedisSettings(url=SecretStr(redis_url)), team=TeamSettings(logs=(file,)))
    async with open_app(settings) as app:
        answer = await app.ask(question)
    assert said in answer.text
    assert "42" in answer.text

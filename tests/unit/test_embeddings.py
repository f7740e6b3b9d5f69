"""The shipped embedder is normalised, independent of the batch and off the loop; others fail with their fix."""

import asyncio

import numpy as np
import pytest

from twintrack.core.embeddings import LOCAL, LocalEmbedder, open_embedder
from twintrack.core.errors import ModelUnavailable, SettingsError
from twintrack.core.settings import ModelSettings


async def test_a_vector_is_normalised_and_the_same_in_any_company() -> None:
    embedder = open_embedder(ModelSettings.model_validate({}))
    texts = ["What is the fee?", "广茂铁路全长多少公里？", "a " * 300]
    together = await embedder.embed(texts)
    assert together.shape == (3, embedder.dims)
    assert together.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    for row, text in zip(together, texts, strict=True):
        np.testing.assert_allclose(row, await embedder.embed_one(text), atol=1e-6)


async def test_a_paraphrase_is_nearer_than_another_question_in_both_languages() -> None:
    embedder = LocalEmbedder()
    for near, paraphrase, far in (
        ("How do I close my account?", "I want to shut down my account", "What is the weather tomorrow?"),
        ("如何注销我的账户？", "我想关闭账号", "明天天气怎么样？"),
    ):
        a, b, c = await embedder.embed([near, paraphrase, far])
        assert a @ b > a @ c


@pytest.mark.parametrize("text", ["", " ", "\ud800 lone", "\x00\x1f", "😀" * 50, "长" * 100_000])
async def test_hostile_text_gets_a_vector(text: str) -> None:
    vector = await LocalEmbedder().embed_one(text)
    assert np.isfinite(vector).all()


async def test_nothing_to_embed_gives_no_rows() -> None:
    assert (await LocalEmbedder().embed([])).shape == (0, 512)


async def test_the_loop_goes_on_while_a_long_batch_is_embedded() -> None:
    embedder = LocalEmbedder()
    await embedder.embed(["warm"])
    work = asyncio.create_task(embedder.embed(["a long text " * 100] * 20))
    ticks = 0
    while not work.done():
        await asyncio.sleep(0.001)
        ticks += 1
    assert ticks > 5


@pytest.mark.parametrize("name", ["", "use", "local:", "local:other", ":x"])
def test_a_bad_name_says_which_setting_and_how_to_mend_it(name: str) -> None:
    with pytest.raises(SettingsError) as raised:
        open_embedder(ModelSettings.model_validate({"embedder": name}))
    assert "TWINTRACK_MODELS__EMBEDDER" in str(raised.value)
    assert LOCAL in str(raised.value)


async def test_an_unknown_provider_says_which_setting_and_how_to_mend_it() -> None:
    embedder = open_embedder(ModelSettings.model_validate({"embedder": "nobody:nothing"}))
    with pytest.raises(SettingsError, match="TWINTRACK_MODELS__EMBEDDER"):
        await embedder.embed_one("x")


async def test_a_provider_that_does_not_answer_is_unavailable() -> None:
    embedder = open_embedder(
        ModelSettings.model_validate(
            {"embedder": "openai:x", "api_key": "k", "base_url": "http://127.0.0.1:9/v1", "timeout_s": 1}
        )
    )
    with pytest.raises(ModelUnavailable, match="openai:x"):
        await embedder.embed_one("x")

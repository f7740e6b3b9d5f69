"""The settings of how documents are read in, indexed and found."""

from typing import Annotated, Literal

from pydantic import Field

from twintrack.core.settings_section import Section


class RetrievalSettings(Section):
    """How passages are found."""

    corpus: str = Field(
        default="default", pattern=r"^[a-z0-9-]+$", description="Name of the corpus: small letters, digits, hyphens."
    )
    limit: int = Field(default=8, ge=1, le=100, description="Passages handed to the answer.")
    candidates: int = Field(default=50, ge=1, le=1000, description="Candidates each ranker proposes.")
    vector_weight: float = Field(
        default=0.3, ge=0, le=1, description="Share of the vector score in the mix; the rest is words."
    )
    vector_weights: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        default_factory=dict,
        description='The same for single corpora, by name, as JSON: {"handbook": 0.4}; `twintrack eval tune` chooses them.',
    )
    long_text_chars: int = Field(
        default=400, ge=1, description="Characters from which a question is taken as a text about many things."
    )
    long_text_share: float = Field(
        default=1 / 3,
        ge=0,
        le=1,
        description="What is left of the vector's share for such a text: one vector of it is near to nothing in it.",
    )
    chunk_chars: int = Field(default=900, ge=100, le=20_000, description="Characters per passage.")
    chunk_overlap: int = Field(default=120, ge=0, description="Characters two neighbouring passages share.")
    vector_index: Literal["hnsw", "flat"] = Field(
        default="hnsw", description="Vector index: hnsw stays quick as a corpus grows, flat is exact and built at once."
    )
    hnsw_m: int = Field(
        default=16,
        ge=2,
        le=512,
        description="Neighbours each vector of an hnsw index keeps: more find more, and cost memory and time. Another number is another index.",
    )
    hnsw_ef_construction: int = Field(
        default=200,
        ge=2,
        le=4096,
        description="Vectors looked at while a new one's neighbours are chosen. Another number is another index.",
    )
    hnsw_ef_runtime: int = Field(
        default=64,
        ge=1,
        le=4096,
        description="Vectors a search in a large hnsw index looks at, at least as many as candidates: more find more and cost time.",
    )
    vector_type: Literal["float32", "float16"] = Field(
        default="float32", description="What a stored vector is made of: float16 takes half the memory."
    )
    reranker: Literal["parts", "none"] = Field(
        default="parts",
        description="Order what was found by its part nearest to the question and the word pairs it shares, or not.",
    )
    window_weight: float = Field(
        default=0.4, ge=0, description="What the reranker gives for a passage's nearest part, in standard scores."
    )
    phrase_weight: float = Field(
        default=0.2, ge=0, description="What the reranker gives for word pairs of the question, in standard scores."
    )
    reranked: int = Field(default=30, ge=1, le=200, description="Passages that the reranker looks at.")
    neighbours: int = Field(default=0, ge=0, le=5, description="Passages added from before and behind each one found.")
    vectors_kept_days: float = Field(
        default=7.0,
        ge=0,
        description="Days the vectors of what was read in are kept for reading the same text in again; 0 keeps none, nor are those of one user's own documents.",
    )
    max_file_mb: float = Field(default=50.0, gt=0, description="Largest file that is read, in megabytes.")

    def weight(self, question: str) -> float:
        """Return how much meaning counts beside words, in this corpus and for this question."""
        usual = self.vector_weights.get(self.corpus, self.vector_weight)
        return usual * self.long_text_share if len(question) > self.long_text_chars else usual

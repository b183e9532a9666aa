"""`[sampling]` of plimsoll.toml: which engine draws the answers, and how."""

from pydantic import Field

from agent.config_sections import Section


class SamplingSection(Section):
    """How answers are drawn, and by what."""

    engine: str = Field(default="transformers", pattern="^(transformers|vllm)$")
    """`transformers` samples in the job that needs the answers; `vllm` is one resident process
    with an environment of its own, made by `./run setup-vllm`."""
    max_new_tokens: int = Field(default=20, ge=1, le=100_000)
    """Tokens of an answer, its end among them; a longer one is cut, and told as unfinished."""
    python: str = ""
    """Python of vLLM's environment; empty is $PLIMSOLL_VLLM_PYTHON, else .venv-vllm beside the
    code of Plimsoll."""
    max_num_seqs: int = Field(default=256, ge=1, le=65_536)
    """Answers in flight at once."""
    max_model_len: int = Field(default=0, ge=0)
    """Tokens of a prompt and its answer; 0 is what the model can."""
    memory_gb: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """Of the key-value cache, on a processor."""
    gpu_share: float = Field(default=0.5, gt=0, le=1)
    """Of a GPU's memory that the engine takes; training needs the rest."""
    dtype: str = Field(default="float32", pattern="^(float32|bfloat16|float16)$")
    """Of the engine's weights and sums; the jobs score in float32, and in half of that the
    engine's log-probabilities differ from theirs by tenths of a nat for an answer."""
    start_seconds: float = Field(default=600.0, gt=0, le=86_400)
    """Until an engine must have loaded its model."""

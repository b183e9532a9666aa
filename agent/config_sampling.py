"""`[sampling]` of plimsoll.toml: which engine draws the answers, and how."""

from urllib.parse import urlsplit

from pydantic import Field, model_validator

from agent.config_sections import Section


class SamplingSection(Section):
    """How answers are drawn, and by what."""

    engine: str = Field(default="transformers", pattern="^(transformers|vllm|vllm-server|openai)$")
    """`transformers` samples in the job that needs the answers; `vllm` is one resident process
    with an environment of its own, made by `./run setup-vllm`; `vllm-server` a server that is
    started there and asked; `openai` any server with OpenAI's completions that runs already."""
    url: str = Field(default="", pattern=r"^(https?://[^\s/?#@]+(/[^\s?#@]*)?)?$")
    """`openai`: its base, as http://127.0.0.1:8000/v1."""
    model: str = Field(default="", pattern=r"^([A-Za-z0-9_.:/@+\-]{1,200})?$")
    """`openai`: the name under which it serves the base of this workspace."""
    api_key_env: str = Field(default="", pattern=r"^([A-Za-z_][A-Za-z0-9_]{0,79})?$")
    """`openai`: name of the environment variable that holds the key; never the key."""
    concurrency: int = Field(default=16, ge=1, le=1024)
    """`openai`: requests that are open at once, each for all siblings of a prompt."""
    timeout_seconds: float = Field(default=120.0, gt=0, le=86_400)
    """`openai`: of one try; all tries of a draw have [limits] seconds."""
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

    @model_validator(mode="after")
    def _says_where(self) -> "SamplingSection":
        if self.engine == "openai" and not (self.url and self.model):
            raise ValueError('engine = "openai" needs a url and a model')
        _ = urlsplit(self.url).port  # raises where the host or the port is none
        return self

"""The table of `plimsoll.toml` that says how weights are trained: precision, memory, layers."""

from pydantic import Field, model_validator

from agent.config_sections import Section


class TrainingSection(Section):
    """How the candidate is trained; what it learns, and how far, is [recipe]."""

    dtype: str = Field(default="auto", pattern="^(auto|float32|bfloat16)$")
    """`auto`: weights in float32, with sums in bfloat16 on a GPU; `float32`: both; `bfloat16`:
    the frozen weights too, which halves them. Adapters are float32, under `4bit` bfloat16 as in
    QLoRA; float16 is not offered, its gradients overflow without a scaler."""
    target_modules: tuple[str, ...] = ()
    """Layers that LoRA adapts, by how their names end, as `q_proj`; empty: every linear one."""
    dora: bool = False
    """Weights apart into length and direction (Liu et al. 2024, arXiv 2402.09353); slower."""
    quantise: str = Field(default="none", pattern="^(none|4bit)$")
    """`4bit`: the frozen weights while training (QLoRA); needs bitsandbytes and a GPU. Answers are
    drawn, and judged, with the whole weights."""
    gradient_checkpointing: bool = False
    """Less memory, a third more time."""
    packing: bool = False
    """Several answers in one row of the imitation stage, each seen by itself; a step of
    `recipe.batch` rows is then one of more answers."""
    max_length: int = Field(default=1024, ge=8, le=1_000_000)
    """Tokens of a prompt with its answer; what is longer is cut while training, and counted in the
    record of the turn."""

    @model_validator(mode="after")
    def _fits(self) -> "TrainingSection":
        if not all(name.strip() for name in self.target_modules):
            raise ValueError("a target module without a name")
        return self

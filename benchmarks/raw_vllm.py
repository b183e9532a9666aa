"""Plain vLLM, told what to draw a line at a time: the rival of `benchmarks.sampling_vllm`.

Runs in vLLM's environment: `LLM.generate` with the prompts, the seeds and the settings of ours.
"""

import json
import sys
import time

LINES = sys.stdout
sys.stdout = sys.stderr


def main() -> None:
    """Load the model, then draw for each line: {"prompts", "params": [one for each prompt]}."""
    from vllm import LLM, SamplingParams
    from vllm.sampling_params import RequestOutputKind

    settings = json.loads(sys.stdin.readline())
    llm = LLM(
        **settings,
        skip_tokenizer_init=True,
        generation_config="vllm",
        logprobs_mode="raw_logprobs",
        disable_log_stats=True,
        seed=0,
    )
    tell({"ready": True})
    for line in sys.stdin:
        ask = json.loads(line)
        began, used = time.monotonic(), time.process_time()
        params = [
            SamplingParams(**told, output_kind=RequestOutputKind.FINAL_ONLY)
            for told in ask["params"]
        ]
        prompts = [{"prompt_token_ids": ids} for ids in ask["prompts"]]
        outputs = llm.generate(prompts, params, use_tqdm=False)
        seconds, cpu = time.monotonic() - began, time.process_time() - used
        tokens = sum(len(said.token_ids) for output in outputs for said in output.outputs)
        tell({"tokens": tokens, "seconds": seconds, "cpu_seconds": cpu})


def tell(message: dict[str, object]) -> None:
    """One line of JSON."""
    print(json.dumps(message), file=LINES, flush=True)


if __name__ == "__main__":
    main()

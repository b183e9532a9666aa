"""Llamas from a configuration and random adapters of them: right in form, and taught nothing."""

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from agent.founding import shipped
from logs.vocabulary import Recipe
from tools.models import load_tokenizer
from tools.trl_trainer import trainable


def a_base(out, **changed):
    """The shipped base's configuration, changed; with its tokenizer."""
    config = AutoConfig.from_pretrained(shipped("base"))
    for name, value in changed.items():
        setattr(config, name, value)
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(out)
    load_tokenizer(shipped("base")).tokenizer.save_pretrained(out)
    return out


def an_adapter(out, base=None, seed=0, rank=8):
    """Random, and far enough from nothing to change what is said."""
    torch.manual_seed(seed)
    model = trainable(Recipe(rank=rank), base or shipped("base"), None)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.02)
    model.save_pretrained(out)
    return out

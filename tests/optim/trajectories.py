"""The same descent in symdiff and in PyTorch, rule by rule.

``python -m tests.optim.trajectories``, where PyTorch is installed, writes trajectories.json: what PyTorch makes of the
parameters in some of the 100 steps, for machines without it.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

import symdiff as sd

STORED = Path(__file__).with_name("trajectories.json")
STEPS = 100
KEPT = [1, 2, 10, 100]
START = {"W": np.array([[0.5, -1.2, 2.0], [1.5, 0.3, -0.7]]), "v": np.array([1.0, -2.0])}
INPUT, TARGET = np.array([1.0, 0.5, -1.5]), np.array([0.3, 1.8])

O = sd.optim  # noqa: E741
RULES = {
    "sgd": (O.sgd(0.02), "SGD", {"lr": 0.02}),
    "sgd, default rate": (O.sgd(), "SGD", {}),
    "sgd, weight decay": (O.sgd(0.02, weight_decay=0.1), "SGD", {"lr": 0.02, "weight_decay": 0.1}),
    "sgd, momentum": (O.sgd(0.02, momentum=0.9), "SGD", {"lr": 0.02, "momentum": 0.9}),
    "sgd, dampening": (
        O.sgd(0.02, momentum=0.9, dampening=0.4, weight_decay=0.01),
        "SGD",
        {"lr": 0.02, "momentum": 0.9, "dampening": 0.4, "weight_decay": 0.01},
    ),
    "sgd, nesterov": (
        O.sgd(0.02, momentum=0.8, nesterov=True, weight_decay=0.01),
        "SGD",
        {"lr": 0.02, "momentum": 0.8, "nesterov": True, "weight_decay": 0.01},
    ),
    "momentum": (O.momentum(0.02, mu=0.8), "SGD", {"lr": 0.02, "momentum": 0.8}),
    "nesterov": (O.nesterov(0.02), "SGD", {"lr": 0.02, "momentum": 0.9, "nesterov": True}),
    "adagrad": (O.adagrad(), "Adagrad", {}),
    "adagrad, all settings": (
        O.adagrad(0.3, lr_decay=0.02, weight_decay=0.1, initial_accumulator_value=0.5, eps=1e-6),
        "Adagrad",
        {"lr": 0.3, "lr_decay": 0.02, "weight_decay": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-6},
    ),
    "rmsprop": (O.rmsprop(), "RMSprop", {}),
    "rmsprop, momentum": (
        O.rmsprop(0.005, alpha=0.9, eps=1e-6, weight_decay=0.1, momentum=0.7),
        "RMSprop",
        {"lr": 0.005, "alpha": 0.9, "eps": 1e-6, "weight_decay": 0.1, "momentum": 0.7},
    ),
    "rmsprop, centered": (O.rmsprop(0.02, centered=True), "RMSprop", {"lr": 0.02, "centered": True}),
    "adadelta": (O.adadelta(), "Adadelta", {}),
    "adadelta, all settings": (
        O.adadelta(0.5, rho=0.8, eps=1e-4, weight_decay=0.1),
        "Adadelta",
        {"lr": 0.5, "rho": 0.8, "eps": 1e-4, "weight_decay": 0.1},
    ),
    "adam": (O.adam(), "Adam", {}),
    "adam, all settings": (
        O.adam(0.05, betas=(0.8, 0.95), eps=1e-4, weight_decay=0.1),
        "Adam",
        {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-4, "weight_decay": 0.1},
    ),
    "amsgrad": (O.amsgrad(0.05), "Adam", {"lr": 0.05, "amsgrad": True}),
    "adamw": (O.adamw(), "AdamW", {}),
    "adamw, amsgrad": (
        O.adamw(0.05, weight_decay=0.2, amsgrad=True),
        "AdamW",
        {"lr": 0.05, "weight_decay": 0.2, "amsgrad": True},
    ),
    "adamax": (O.adamax(0.05, weight_decay=0.1), "Adamax", {"lr": 0.05, "weight_decay": 0.1}),
    "nadam": (O.nadam(0.05, weight_decay=0.1), "NAdam", {"lr": 0.05, "weight_decay": 0.1}),
    "radam": (O.radam(), "RAdam", {}),
    "radam, weight decay": (O.radam(0.05, weight_decay=0.1), "RAdam", {"lr": 0.05, "weight_decay": 0.1}),
    "sgd, clipped by value": (O.clip_by_value(O.sgd(0.05), 0.4), "SGD", {"lr": 0.05, "clip_value": 0.4}),
    "sgd, clipped by global norm": (O.clip_by_global_norm(O.sgd(0.05), 0.7), "SGD", {"lr": 0.05, "clip_norm": 0.7}),
    "adam, step annealing": (
        O.adam(O.schedules.step(0.05, gamma=0.3, every=20)),
        "Adam",
        {"lr": 0.05, "schedule": ("StepLR", {"step_size": 20, "gamma": 0.3})},
    ),
    "sgd, exponential": (
        O.sgd(O.schedules.exponential(0.02, k=0.05), momentum=0.9),
        "SGD",
        {"lr": 0.02, "momentum": 0.9, "schedule": ("ExponentialLR", {"gamma": float(np.exp(-0.05))})},
    ),
    "sgd, cosine": (
        O.sgd(O.schedules.cosine(0.02, 60, end=0.001)),
        "SGD",
        {"lr": 0.02, "schedule": ("CosineAnnealingLR", {"T_max": 60, "eta_min": 0.001})},
    ),
    "sgd, cosine with restarts": (
        O.sgd(O.schedules.cosine(0.02, 30, restarts=True)),
        "SGD",
        {"lr": 0.02, "schedule": ("CosineAnnealingWarmRestarts", {"T_0": 30})},
    ),
}


def with_symdiff(rule: sd.optim.Optimizer, backend: str = "native") -> np.ndarray:
    """The parameters after each step, side by side: float64[steps, 8]."""
    W, v = (sd.param(name, value.shape, init=value) for name, value in START.items())
    loss = sd.sum(sd.square(sd.tanh(W @ INPUT) * v - TARGET)) + 0.1 * sd.sum(W * W)
    step = sd.train_step(loss, [], rule)
    state, train = step.init(), sd.compile(step, backend=backend)
    path = []
    for _ in range(STEPS):
        train(state)
        path.append(np.concatenate([state["W"].ravel(), state["v"]]))
    return np.array(path)


def with_torch(rule: str, settings: dict) -> np.ndarray:
    import torch

    torch.set_default_dtype(torch.float64)  # NAdam and RAdam keep scalars in it
    settings = dict(settings)
    clip_value, clip_norm = settings.pop("clip_value", None), settings.pop("clip_norm", None)
    schedule = settings.pop("schedule", None)
    W, v = (torch.nn.Parameter(torch.tensor(value)) for value in START.values())
    optimizer = getattr(torch.optim, rule)([W, v], **settings)
    scheduler = schedule and getattr(torch.optim.lr_scheduler, schedule[0])(optimizer, **schedule[1])
    given, target, path = torch.tensor(INPUT), torch.tensor(TARGET), []
    for k in range(STEPS):
        optimizer.zero_grad()
        loss = (torch.tanh(W @ given) * v - target).square().sum() + 0.1 * (W * W).sum()
        loss.backward()
        if clip_value:
            torch.nn.utils.clip_grad_value_([W, v], clip_value)
        if clip_norm:
            torch.nn.utils.clip_grad_norm_([W, v], clip_norm)
        optimizer.step()
        if schedule and not (schedule[0] == "CosineAnnealingLR" and k >= schedule[1]["T_max"]):  # it would rise again
            scheduler.step()
        path.append(np.concatenate([W.detach().numpy().ravel(), v.detach().numpy()]))
    return np.array(path)


def write() -> None:
    import torch

    found = {name: with_torch(*case[1:])[np.array(KEPT) - 1].tolist() for name, case in RULES.items()}
    made = {"made by": f"python -m tests.optim.trajectories, PyTorch {torch.__version__}", "steps": KEPT}
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in (made | found).items()]
    STORED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    write()

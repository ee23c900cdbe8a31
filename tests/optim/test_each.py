"""A rule applied once per type of parameter gives what it gives parameter by parameter."""

import pytest

import symdiff as sd
from symdiff.optim.each import each

SHAPES = [(3, 2), (2,), (3, 2), (2,), (3, 2), ()]
RULES = {
    "sgd": sd.optim.sgd(0.1, momentum=0.9, dampening=0.1, weight_decay=0.01),
    "adam": sd.optim.adam(lambda step: 1e-3 / (1 + step), weight_decay=0.1),
    "adamw": sd.optim.adamw(1e-3, amsgrad=True),
    "nadam": sd.optim.nadam(),  # which has a slot of another type than its owner's
    "radam": sd.optim.radam(),
    "adagrad": sd.optim.adagrad(initial_accumulator_value=0.1, lr_decay=0.1),  # with a start of its own for the slot
    "rmsprop": sd.optim.rmsprop(centered=True, momentum=0.9),
    "adadelta": sd.optim.adadelta(),
}


def gradients():
    params = [sd.param(f"p{k}", shape) for k, shape in enumerate(SHAPES)]
    return {p: sd.input(f"g{k}", p.shape) for k, p in enumerate(params)}


@pytest.mark.parametrize("name", RULES)
def test_all_at_once_is_one_by_one(name):
    pairs, rule = gradients(), RULES[name]
    together = rule.updates(pairs)
    alone = {}
    for p, g in pairs.items():
        alone |= rule.updates({p: g})
    assert list(together.items()) == list(alone.items())  # the very same nodes, in the same order
    for node in together.values():
        assert len(set(node.origins)) == len(node.origins)


def test_a_rule_is_applied_twice_at_most_for_each_pair_of_types():
    seen = []

    def one(p, g):
        seen.append((p.type, g.type))
        return {p: p - g}

    found = each(gradients(), one)
    assert len(found) == len(SHAPES)
    assert {types: seen.count(types) for types in seen} == {
        (sd.param("p0", (3, 2)).type,) * 2: 2,
        (sd.param("p1", (2,)).type,) * 2: 2,
        (sd.param("p5").type,) * 2: 1,
    }


def test_a_gradient_may_be_what_the_rule_is_made_of():
    """A constant that the rule has as well, another parameter, the parameter itself."""
    a, b, c, d = (sd.param(name) for name in "abcd")
    pairs = {a: sd.constant(0.9), b: a, c: c, d: sd.constant(0.1)}
    together = sd.optim.momentum(0.1).updates(pairs)
    for p, g in pairs.items():
        assert sd.optim.momentum(0.1).updates({p: g}).items() <= together.items()


def test_a_rate_may_depend_on_parameters():
    a, b, c = (sd.param(name, (2,)) for name in "abc")
    rule = sd.optim.sgd(sd.sum(a * a))
    together = rule.updates({a: b, b: c, c: a})
    assert together[c] is c - sd.sum(a * a) * a
    assert together[b] is b - sd.sum(a * a) * c


def test_nodes_say_where_they_come_from():
    p, q, x = sd.param("p", (2,)), sd.param("q", (2,)), sd.input("x", (2,))
    step = sd.train_step(sd.sum(p * q * x), [x], sd.optim.adam(1e-3))
    first, second = (step.graph.updates[leaf].origins for leaf in (p, q))
    assert [(o.file, o.line, o.section) for o in first] == [(o.file, o.line, o.section) for o in second]
    assert [o.name for o in second] == [None, "q_next"]

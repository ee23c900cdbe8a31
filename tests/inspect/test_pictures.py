"""SVG, DOT and the page: well-formed, complete, readable, self-contained."""

import itertools
import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest

import symdiff as sd
from symdiff.core.errors import GraphError
from symdiff.inspect.listing import Listing

from .models import MODELS, deep

SVG = "{http://www.w3.org/2000/svg}"
GRAPHS = {**MODELS, "deep": lambda: deep(30)}


def _boxes(root):
    found = {}
    for group in root.iter(f"{SVG}g"):
        if "data-node" in group.attrib:
            rect = group.find(f"{SVG}rect")
            found[group.attrib["data-node"]] = [float(rect.attrib[key]) for key in ("x", "y", "width", "height")]
    return found


def _names(graph):
    listing = Listing(graph)
    return {listing.names[node] for node in [*listing.leaves, *(line.node for line in listing.lines)]}


@pytest.mark.parametrize("name", GRAPHS)
def test_svg_shows_every_line_once_without_overlap(name):
    graph = GRAPHS[name]()
    root = ET.fromstring(graph.to_svg())
    width, height = (float(root.attrib[key]) for key in ("width", "height"))
    boxes = _boxes(root)
    assert set(boxes) == _names(graph)
    for x, y, w, h in boxes.values():
        assert 0 <= x <= x + w <= width
        assert 0 <= y <= y + h <= height
    for (ax, ay, aw, ah), (bx, by, bw, bh) in itertools.combinations(boxes.values(), 2):
        assert ax + aw <= bx or bx + bw <= ax or ay + ah <= by or by + bh <= ay


@pytest.mark.parametrize("name", GRAPHS)
def test_svg_draws_every_edge_from_box_to_box(name):
    graph = GRAPHS[name]()
    root = ET.fromstring(graph.to_svg())
    boxes, listing = _boxes(root), Listing(graph)
    drawn = [path for path in root.iter(f"{SVG}path") if "data-from" in path.attrib]
    wanted = {(listing.names[a], listing.names[line.node]) for line in listing.lines for a in line.reads}
    assert {(path.attrib["data-from"], path.attrib["data-to"]) for path in drawn} == wanted
    for path in drawn:
        numbers = [float(number) for number in re.findall(r"-?\d+\.\d+", path.attrib["d"])]
        for key, (px, py) in (("data-from", numbers[:2]), ("data-to", numbers[-2:])):
            x, y, w, h = boxes[path.attrib[key]]
            assert x - 0.2 <= px <= x + w + 0.2
            assert min(abs(py - y), abs(py - y - h)) < 0.2


@pytest.mark.parametrize("name", GRAPHS)
def test_svg_wires_pass_no_box(name):
    root = ET.fromstring(GRAPHS[name]().to_svg())
    boxes = _boxes(root)
    for path in root.iter(f"{SVG}path"):
        if path.attrib.get("class") != "wire":
            continue
        text = re.sub(r"Q\S+ ", "L", path.attrib["d"])
        points = [tuple(map(float, pair.split(","))) for pair in re.findall(r"-?[\d.]+,-?[\d.]+", text)]
        for (ax, ay), (bx, by) in itertools.pairwise(points):
            for x, y, w, h in boxes.values():
                inside_x = max(ax, bx) > x + 0.5 and min(ax, bx) < x + w - 0.5
                inside_y = max(ay, by) > y + 0.5 and min(ay, by) < y + h - 0.5
                assert not (inside_x and inside_y)


def test_a_gradient_stands_beside_its_forward_node():
    boxes = _boxes(ET.fromstring(MODELS["digits"]().to_svg()))

    def bottom(name):
        return boxes[name][1] + boxes[name][3]

    for forward, backward in (("a2", "d_a2"), ("h1", "d_h1"), ("a1", "d_a1"), ("W1_digits", "d_W1")):
        assert bottom(forward) == pytest.approx(bottom(backward), abs=0.2)
        assert boxes[forward][0] < boxes[backward][0]


def test_svg_is_written_and_does_not_change(tmp_path):
    graph = MODELS["decay"]()
    text = graph.to_svg(str(tmp_path / "graph.svg"))
    assert (tmp_path / "graph.svg").read_text(encoding="utf-8") == text == graph.to_svg()


def test_a_picture_no_one_could_read_is_refused():
    x = sd.input("crowd_x")
    for _ in range(400):
        x = sd.sin(x)
    graph = sd.Graph({"out": x}, name="crowd")
    with pytest.raises(GraphError, match=r"picture of crowd: 401 boxes are more than one can read .* draw a part"):
        graph.to_svg()
    page = graph.to_html()
    assert "too many for a picture" in page
    assert "sin(crowd_x)" in page


def test_second_derivatives_draw():
    x = sd.input("twice_x", (3,))
    first = sd.grad(sd.sum(sd.tanh(x) * x), x)
    second = sd.grad(sd.sum(first * first), x)
    graph = sd.Graph({"first": first, "second": second})
    assert set(_boxes(ET.fromstring(graph.to_svg()))) == _names(graph)


NASTY = 'a<b>&"c"\\n'


def _nasty():
    x = sd.input("nasty_x", (2,))
    y = sd.where((x < 1) & (x > 0), x, 0)
    return sd.Graph({NASTY: y}, name=NASTY)


def test_escaping_in_svg_and_page():
    graph = _nasty()
    ET.fromstring(graph.to_svg())
    page = graph.to_html()
    assert "<b>" not in page
    data = json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.S).group(1))
    assert any("nasty_x < 1" in entry["why"] for entry in data.values())


def test_escaping_in_dot():
    text = _nasty().to_dot()
    assert text.startswith('digraph "a<b>&\\"c\\"\\\\n" {')
    for line in text.splitlines():
        assert len(re.findall(r'(?<!\\)(?:\\\\)*"', line)) % 2 == 0, line


@pytest.mark.parametrize("name", MODELS)
def test_dot_has_every_box_edge_and_cluster(name):
    graph = MODELS[name]()
    text, listing = graph.to_dot(), Listing(graph)
    assert set(re.findall(r'^ +"(\w+)" \[label', text, re.M)) == _names(graph)
    assert text.count(" -> ") == sum(len(line.reads) for line in listing.lines)
    assert [f"cluster_{section}" in text for section in ("forward", "backward", "update")] == [
        bool(listing.section(section)) for section in ("forward", "backward", "update")
    ]
    assert text.count("{") == text.count("}")


class _Tags(HTMLParser):
    """Tags that open and close in order, and what they point to."""

    def __init__(self):
        super().__init__()
        self.open, self.links = [], []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.links += [value for key, value in attrs if key in ("src", "href")]

    def handle_startendtag(self, tag, attrs):
        self.links += [value for key, value in attrs if key in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", MODELS)
def test_page_is_well_formed_and_self_contained(name, tmp_path):
    graph = MODELS[name]()
    page = graph.to_html(str(tmp_path / "graph.html"))
    assert (tmp_path / "graph.html").read_text(encoding="utf-8") == page
    tags = _Tags()
    tags.feed(page)
    tags.close()
    assert not tags.open
    assert not tags.links
    assert set(re.findall(r"https?://[^\s\"'<]+", page)) <= {"http://www.w3.org/2000/svg"}  # a name, not an address
    assert "url(" not in page.replace("url(#", "")
    data = json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.S).group(1))
    assert set(data) == _names(graph)
    assert all(near in data for entry in data.values() for near in entry["near"])
    assert set(re.findall(r'<span data-node="(\w+)">', page)) >= _lines(graph)


def _lines(graph):
    listing = Listing(graph)
    return {listing.names[line.node] for line in listing.lines}

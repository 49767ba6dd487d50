"""Links between documents lead somewhere."""

import pytest
from documents import ROOT, anchors, documents, links


@pytest.mark.parametrize("document", [str(path.relative_to(ROOT)) for path in documents()])
def test_links_lead_somewhere(document):
    path = ROOT / document
    for line, target in links(path):
        place = f"{document}:{line}"
        if "://" in target:
            assert target.startswith("https://"), f"{place}: {target}"
            continue
        name, _, anchor = target.partition("#")
        to = (path.parent / name).resolve() if name else path
        assert to.exists(), f"{place}: there is no {target}"
        assert to.is_relative_to(ROOT), f"{place}: {target} leaves the project"
        if anchor:
            assert anchor in anchors(to), f"{place}: {name or document} has no heading #{anchor}"


def test_every_document_is_reached_from_the_readme():
    reached, open_ends = set(), [ROOT / "README.md"]
    while open_ends:
        path = open_ends.pop()
        if path in reached:
            continue
        reached.add(path)
        for _, target in links(path):
            to = (path.parent / target.partition("#")[0]).resolve()
            if to.suffix == ".md" and to.exists():
                open_ends.append(to)
    assert [str(path) for path in documents() if path not in reached] == []

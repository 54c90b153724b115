"""Reads the catalogue of a bucket as a harvester does: by rdflib in both forms, and by pyshacl against the shapes of the profiles.

Usage: harvest.py FOLDER [PROFILE...]     the bucket, and profiles of SHAPES; prints JSON:

triples       how many each form has
is_same       whether both are the same graph
datasets      by its address: title and description in German, distributions with their access URL, the days covered
findings      by profile: severity, property, node and message of each
"""

import json
import pathlib
import sys

import pyshacl
import rdflib
import rdflib.compare
from rdflib import DCAT, DCTERMS, OWL, RDF, SH

folder = pathlib.Path(sys.argv[1])
shapes = pathlib.Path(__file__).parent.parent / "facts" / "shacl"
SHAPES = {
    "dcat-ap": ["dcat-ap-3.0.1-SHACL.ttl"],
    "dcat-ap-de": [
        "dcat-ap-3.0.0-SHACL.ttl",
        "dcat-ap-SHACL-DE-v3.0.ttl",
        "dcat-ap-de-deprecated-v3.0.ttl",
        "dcat-ap-spec-german-additions-v3.0.ttl",
    ],
    "konventionen": ["dcat-ap-konventionen-v2.0.ttl"],
    "mobility": ["dcat-ap-3.0.1-SHACL.ttl", "mobilitydcat-ap-1.1.0-shacl.ttl"],
    "hvd": ["hvd-3.0.0-SHACL-base.ttl"],
}

# A file that has no base is relative to where it was found.
where = "https://bucket.example/catalog"
graph = rdflib.Graph().parse(folder / "catalog.ttl", format="turtle", publicID=f"{where}.ttl")
other = rdflib.Graph().parse(folder / "catalog.jsonld", format="json-ld", publicID=f"{where}.jsonld")

datasets = {}
for dataset in graph.subjects(RDF.type, DCAT.Dataset):
    title, description = (
        next(str(text) for text in graph.objects(dataset, property) if text.language == "de")
        for property in (DCTERMS.title, DCTERMS.description)
    )
    period = graph.value(dataset, DCTERMS.temporal)
    files = {str(of): str(graph.value(of, DCAT.accessURL)) for of in graph.objects(dataset, DCAT.distribution)}
    days = [str(graph.value(period, property)) for property in (DCAT.startDate, DCAT.endDate)]
    datasets[str(dataset)] = {"title": title, "description": description, "distributions": files, "days": days}

findings = {}
for profile in sys.argv[2:]:
    rules = rdflib.Graph()
    for name in SHAPES[profile]:
        rules.parse(shapes / name)
    # Nothing is fetched; and DCAT-AP 3.0.1 names shapes that it does not define, which is an error of the shapes.
    rules.remove((None, OWL.imports, None))
    for of, shape in list(rules.subject_objects(SH.property)):
        if rules.value(shape, SH.path) is None:
            rules.remove((of, SH.property, shape))
    data = rdflib.Graph().parse(shapes / "vocabularies.ttl")
    data += graph
    _, report, _ = pyshacl.validate(data, shacl_graph=rules, do_owl_imports=False, advanced=True, inference="none")
    found = []
    for result in report.subjects(RDF.type, SH.ValidationResult):
        severity, path, node, message = (
            str(report.value(result, property) or "")
            for property in (SH.resultSeverity, SH.resultPath, SH.focusNode, SH.resultMessage)
        )
        found.append([severity.split("#")[-1], path, node, message])
    findings[profile] = sorted(found)

print(
    json.dumps(
        {
            "triples": [len(graph), len(other)],
            "is_same": rdflib.compare.isomorphic(graph, other),
            "datasets": datasets,
            "findings": findings,
        }
    )
)

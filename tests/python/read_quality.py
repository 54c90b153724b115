"""Reads the published results of a run with programs that we did not write, and computes the score again.

Usage: read_quality.py FOLDER BASE     the folder of the run, and where its files are on the web; prints JSON:

junit      by junitparser: tests, failures, errors, skipped, counted over the cases
dqv        by rdflib: what SPARQL finds; the value of every rule, the scores, what they are about, how many rules were measured, and
           the dimension of NAPCORE of each dimension
score      the score of every dimension and of the dataset, computed from quality.json by the words of the README
"""

import json
import math
import pathlib
import sys
import xml.etree.ElementTree

import junitparser
import rdflib

folder, base = pathlib.Path(sys.argv[1]), sys.argv[2]
quality = json.loads((folder / "quality.json").read_text())

# Two parsers of XML, one of them of JUnit.
file = folder / "quality.junit.xml"
xml.etree.ElementTree.parse(file)
suites = junitparser.JUnitXml.fromfile(str(file))
cases = [case for suite in suites for case in suite]
kinds = {"failures": junitparser.Failure, "errors": junitparser.Error, "skipped": junitparser.Skipped}
junit = {"tests": len(cases), "told": suites.tests}
for name, kind in kinds.items():
    junit[name] = sum(isinstance(result, kind) for case in cases for result in case.result)
    assert junit[name] == getattr(suites, name), name
junit["names"] = len({(case.classname, case.name) for case in cases})

graph = rdflib.Graph().parse(folder / "quality.dqv.ttl", format="turtle", publicID=f"{base}/quality.dqv.ttl")
PREFIXES = """
PREFIX dqv: <http://www.w3.org/ns/dqv#> PREFIX dcat: <http://www.w3.org/ns/dcat#>
PREFIX dcterms: <http://purl.org/dc/terms/> PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
"""
measured = graph.query(PREFIXES + """
    SELECT ?label ?value ?on ?dimension WHERE {
        ?on dqv:hasQualityMeasurement ?m .
        ?m a dqv:QualityMeasurement ; dqv:isMeasurementOf ?metric ; dqv:computedOn ?on ; dqv:value ?value ;
           dcterms:temporal/dcat:startDate ?date .
        ?metric a dqv:Metric ; skos:prefLabel ?label ; dqv:inDimension/skos:notation ?dimension .
        FILTER(lang(?label) = "en")
    }""")
rules, scores = [], {}
for label, value, on, dimension in measured:
    assert value.datatype == rdflib.XSD.decimal, value
    if label.startswith("Score: "):
        scores[str(dimension)] = float(value)
    else:
        rules.append([str(label), float(value), str(on), str(dimension)])
distributions = graph.query(PREFIXES + "SELECT ?d WHERE { ?s a dcat:Dataset ; dcat:distribution ?d . ?d a dcat:Distribution }")
labels = graph.query(PREFIXES + 'SELECT ?l WHERE { ?d a dqv:Dimension ; skos:prefLabel ?l FILTER(lang(?l) = "de") }')
categories = graph.query(PREFIXES + """
    SELECT ?dimension ?category WHERE {
        ?d a dqv:Dimension ; skos:notation ?dimension ; dqv:inCategory ?c .
        ?c a dqv:Category ; skos:notation ?category ; skos:note ?note .
        FILTER(contains(?note, "NAPCORE"))
    }""")
counted = graph.query(PREFIXES + """
    SELECT (COUNT(DISTINCT ?m) AS ?n) WHERE {
        ?m a dqv:QualityMeasurement ; dqv:isMeasurementOf/dqv:inDimension/dqv:inCategory ?c .
        ?metric a dqv:Metric . ?m dqv:isMeasurementOf ?metric . ?metric skos:prefLabel ?label .
        FILTER(lang(?label) = "en" && !strstarts(?label, "Score: "))
    }""")
dqv = {
    "measurements": [int(n) for (n,) in counted][0],
    "napcore": {str(dimension): str(category) for dimension, category in categories},
    "rules": sorted(rules),
    "scores": scores,
    "distributions": sorted(str(d) for (d,) in distributions),
    "labels": sorted(str(label) for (label,) in labels),
}

sums = {}
for rule in quality["rules"]:
    if rule["result"] == "skipped" or (rule["asks"] == "rows" and rule["checked"] == 0 and rule["result"] != "error"):
        continue
    if rule["result"] == "error":
        conforms = 0
    elif rule["asks"] == "rows":
        conforms = 1 - rule["rows"] / rule["checked"]
    else:
        conforms = 1 if rule["result"] == "passed" else 0
    weight = 2 if rule["result"] == "error" else {"error": 2, "warning": 1, "info": 0}[rule["severity"]]
    if weight:
        sums.setdefault(rule["dimension"], []).append((weight, conforms))
exact = {d: 100 * math.fsum(w * c for w, c in of) / sum(w for w, _ in of) for d, of in sums.items()}
score = {"dimensions": exact, "dataset": math.fsum(exact.values()) / len(exact)}
print(json.dumps({"junit": junit, "dqv": dqv, "score": score}))

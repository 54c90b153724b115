"""What datacontract-cli says, as JSON.

Usage: outsider.py lint FOLDER                     every contract under the folder: {file: result}
       outsider.py test [CONTRACT PARQUET_GLOB]... the quality entries of each contract on its data:
                                                   {contract: [{type, field, name, id, result, value, reason}]}

An entry's id is its name in the contract. Its value is what was compared: a percentage, where the entry asks for one.
"""

import contextlib
import io
import json
import pathlib
import sys
import tempfile

import yaml
from datacontract.data_contract import DataContract


def test(contract, data):
    text = yaml.safe_load(pathlib.Path(contract).read_text())
    # Where the data is does not belong into the contract of the repository.
    text["servers"] = [{"server": "here", "type": "local", "path": data, "format": "parquet"}]
    for table in text["schema"]:
        for place in [table, *table["properties"]]:
            for entry in place.get("quality", []):
                if "name" in entry:
                    entry["id"] = entry["name"]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(text, file, sort_keys=False)
        file.flush()
        run = DataContract(data_contract_file=file.name, server="here").test()
    return [told(check) for check in run.checks if check.category == "quality"]


def told(check):
    said = check.diagnostics or {}
    value = said.get("percent", said.get("value"))
    return {
        "type": check.type,
        "field": check.field,
        "name": check.name,
        "id": check.qualityId,
        "result": check.result and check.result.value,
        "value": value,
        "reason": check.reason,
    }


command, *rest = sys.argv[1:]
with contextlib.redirect_stdout(io.StringIO()):
    if command == "lint":
        files = sorted(pathlib.Path(rest[0]).rglob("*.odcs.yaml"))
        found = {str(file): DataContract(data_contract_file=str(file)).lint().result.value for file in files}
    else:
        found = {contract: test(contract, data) for contract, data in zip(rest[::2], rest[1::2])}
print(json.dumps(found))

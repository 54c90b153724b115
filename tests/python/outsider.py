"""What datacontract-cli says, as JSON.

Usage: outsider.py lint FOLDER                  every contract under the folder: {file: result}
       outsider.py test CONTRACT PARQUET_GLOB   the quality entries of the contract on the data: [{type, field, result}]
"""

import contextlib
import io
import json
import pathlib
import sys
import tempfile

import yaml
from datacontract.data_contract import DataContract

command, contract, *rest = sys.argv[1:]
with contextlib.redirect_stdout(io.StringIO()):
    if command == "lint":
        files = sorted(pathlib.Path(contract).rglob("*.odcs.yaml"))
        found = {str(file): DataContract(data_contract_file=str(file)).lint().result.value for file in files}
    else:
        text = yaml.safe_load(pathlib.Path(contract).read_text())
        # Where the data is does not belong into the contract of the repository.
        text["servers"] = [{"server": "here", "type": "local", "path": rest[0], "format": "parquet"}]
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            yaml.safe_dump(text, file, sort_keys=False)
            file.flush()
            run = DataContract(data_contract_file=file.name, server="here").test()
        quality = [check for check in run.checks if check.category == "quality"]
        found = [{"type": c.type, "field": c.field, "name": c.name, "result": c.result and c.result.value} for c in quality]
print(json.dumps(found))

"""Reads the Data Package of a bucket by frictionless.

Usage: data_package.py FOLDER     the bucket; prints JSON:

resources   by name: its type, format, fields and primary key, as frictionless has them
errors      what frictionless finds in the package and in the files, without whole numbers that are missing: it reads Parquet through
            pandas, which makes nan of them
"""

import json
import os
import pathlib
import re
import sys

import frictionless

# Paths are relative to the package, and frictionless trusts no others.
os.chdir(sys.argv[1])
package = frictionless.Package("datapackage.json")
resources = {
    resource.name: {
        "type": resource.type,
        "format": resource.format,
        "fields": {field.name: field.type for field in resource.schema.fields},
        "primary_key": resource.schema.primary_key,
        "sources": resource.sources,
    }
    for resource in package.resources
}
report = frictionless.validate("datapackage.json")
is_nan = re.compile(r'Type error in the cell "nan" .* type is "integer/default"').match
errors = [["package", error.message] for error in report.errors]
for task in report.tasks:
    errors.extend([task.name, error.message] for error in task.errors if not is_nan(error.message))
package_rows = json.loads(pathlib.Path("datapackage.json").read_text())
assert len(resources) == len(package_rows["resources"])
print(json.dumps({"resources": resources, "errors": errors}))

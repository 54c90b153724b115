"""Reads the catalogue of a bucket with pyiceberg, which reads data from no web server: addresses become files of a folder. Prints
how many rows each table has, by its manifests and by a scan.

Usage: read_catalogue.py BASE FOLDER
"""

import datetime
import json
import sys

from pyiceberg.catalog import load_catalog
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.manifest import DataFileContent, FileFormat, ManifestEntryStatus

base, folder = sys.argv[1:]


class Folder(PyArrowFileIO):
    def new_input(self, location):
        assert location.startswith(base + "/"), location
        return super().new_input(folder + location.removeprefix(base))


catalogue = load_catalog("stadt", type="rest", uri=f"{base}/iceberg")
found = {}
for namespace in catalogue.list_namespaces():
    for name in catalogue.list_tables(namespace):
        table = catalogue.load_table(name)
        metadata = table.metadata
        # Geometries and their bounds have ids that are in no schema.
        fields = [field for field in table.name_mapping().root if field.field_id < 900_000_000]
        mapped = {field.names[0]: field.field_id for field in fields}
        assert mapped == {field.name: field.field_id for field in table.schema().fields}, mapped
        assert metadata.current_snapshot_id == metadata.snapshots[-1].snapshot_id
        index = json.load(open(f"{folder}/meta/{'/'.join(name)}/files.json"))
        assert metadata.current_snapshot_id == index["version"]
        io, rows = Folder({}), 0
        for manifest in metadata.current_snapshot().manifests(io):
            assert manifest.manifest_length == io.new_input(manifest.manifest_path).__len__()
            entries = manifest.fetch_manifest_entry(io)
            files = [entry.data_file for entry in entries]
            assert all(entry.status == ManifestEntryStatus.ADDED for entry in entries)
            assert all(entry.snapshot_id == metadata.current_snapshot_id for entry in entries)
            assert all(entry.sequence_number == metadata.last_sequence_number for entry in entries)
            assert all(file.content == DataFileContent.DATA and file.file_format == FileFormat.PARQUET for file in files)
            rows += sum(file.record_count for file in files)
            assert sum(file.record_count for file in files) == manifest.added_rows_count
            said = [(file.file_path, file.record_count, file.file_size_in_bytes) for file in files]
            # Past months that are in one file stand in a manifest of their own.
            months = index.get("months", [])
            is_by_month = manifest.partition_spec_id == 1
            days = [file for file in index["files"] if file["partition_date"][:7] not in [of["month"] for of in months]]
            named = months if is_by_month else days
            assert said == [(f"{base}/{file['path']}", file["rows"], file["bytes"]) for file in named]
            for file in files:
                if is_by_month:
                    month = f"{1970 + file.partition[0] // 12:04}-{file.partition[0] % 12 + 1:02}"
                    assert f"/month={month}/" in file.file_path, file
                    continue
                date = datetime.date(1970, 1, 1) + datetime.timedelta(file.partition[0])
                assert f"/partition_date={date}/" in file.file_path, file
        table.io = Folder({})
        assert table.scan().to_arrow().num_rows == rows, name
        found["/".join(name)] = rows
print(json.dumps(found))

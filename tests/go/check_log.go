// Checks the signed log of a bucket with the libraries of Go's checksum database: check_log.go BUCKET VKEY...
package main

import (
	"encoding/binary"
	"fmt"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"log"
	"os"
	"strings"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	bucket, keys, hashes, count := os.Args[1]+"/", []note.Verifier{}, []tlog.Hash{}, int64(0)
	for _, vkey := range os.Args[2:] {
		keys = append(keys, must(note.NewVerifier(vkey)))
	}
	open := func(text []byte) (origin string, size int64, root string) {
		must(fmt.Sscan(must(note.Open(text, note.VerifierList(keys...))).Text, &origin, &size, &root))
		return
	}
	reader := tlog.HashReaderFunc(func(at []int64) (found []tlog.Hash, err error) {
		for _, place := range at {
			found = append(found, hashes[place])
		}
		return
	})
	_, size, root := open(must(os.ReadFile(bucket + "ledger/checkpoint")))
	for number := int64(0); count < size; number++ {
		tile := tlog.Tile{H: 8, L: -1, N: number, W: 256}
		if rest := size - count; rest < 256 {
			tile.W = int(rest)
		}
		name := strings.Replace(tile.Path(), "tile/8/data", "ledger/tile/entries", 1)
		for rest := must(os.ReadFile(bucket + name)); len(rest) > 0; count++ {
			entry := rest[2 : 2+int(binary.BigEndian.Uint16(rest))]
			rest = rest[2+len(entry):]
			hashes = append(hashes, must(tlog.StoredHashes(count, entry, reader))...)
			if words := strings.Fields(string(entry)); words[0] == "release" {
				proof, index, name := tlog.RecordProof{}, int64(0), fmt.Sprintf("meta/%s/proofs/v%010s.tlog-proof", words[1], words[2])
				parts := strings.SplitN(string(must(os.ReadFile(bucket+name))), "\n\n", 2)
				must(fmt.Sscanf(parts[0], "c2sp.org/tlog-proof@v1\nindex %d", &index))
				for _, line := range strings.Split(parts[0], "\n")[2:] {
					proof = append(proof, must(tlog.ParseHash(line)))
				}
				_, size, root := open([]byte(parts[1]))
				must(0, tlog.CheckRecord(proof, size, must(tlog.ParseHash(root)), index, tlog.RecordHash(entry)))
			}
		}
	}
	must(0, tlog.CheckTree(nil, size, must(tlog.ParseHash(root)), size, must(tlog.TreeHash(size, reader))))
}

// Checks with Go's own sumdb/note and sumdb/tlog what Plimsoll wrote:
//
//	notes_in_go VKEY NOTE PROOF LEAF OLD CONSISTENCY
//
// the public key, the signed checkpoint, an inclusion proof and the entry it is about, an older
// checkpoint and the proof that the log grew from it. Prints "verified" or why not.
package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	verifier, err := note.NewVerifier(strings.TrimSpace(text(os.Args[1])))
	fail(err)
	opened, err := note.Open([]byte(text(os.Args[2])), note.VerifierList(verifier))
	fail(err)
	size, root := head(opened.Text)

	lines := strings.Split(strings.SplitN(text(os.Args[3]), "\n\n", 2)[0], "\n")
	if strings.HasPrefix(lines[1], "extra ") {
		lines = append(lines[:1], lines[2:]...)
	}
	var index int64
	fmt.Sscanf(lines[1], "index %d", &index)
	leaf := tlog.RecordHash([]byte(text(os.Args[4])))
	fail(tlog.CheckRecord(hashes(lines[2:]), size, root, index, leaf))

	oldSize, oldRoot := head(text(os.Args[5]))
	grown := strings.Split(strings.SplitN(text(os.Args[6]), "\n\n", 2)[0], "\n")
	fail(tlog.CheckTree(tlog.TreeProof(hashes(grown[1:])), size, root, oldSize, oldRoot))
	fmt.Println("verified", opened.Sigs[0].Name)
}

func text(name string) string {
	data, err := os.ReadFile(name)
	fail(err)
	return string(data)
}

func head(body string) (int64, tlog.Hash) {
	lines := strings.Split(body, "\n")
	var size int64
	fmt.Sscan(lines[1], &size)
	root, err := tlog.ParseHash(lines[2])
	fail(err)
	return size, root
}

func hashes(lines []string) tlog.RecordProof {
	var found tlog.RecordProof
	for _, line := range lines {
		hash, err := tlog.ParseHash(line)
		fail(err)
		found = append(found, hash)
	}
	return found
}

func fail(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

package program_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"accrue/pipeline/program"
)

func TestGiftCodes(t *testing.T) {
	p, faults, err := program.Load(filepath.Join(goodPrograms, "gift-codes.yaml"))
	if err != nil || len(faults) > 0 {
		t.Fatal(err, faults)
	}
	span := func(from, until string) program.Span { return program.Span{From: day(from), Until: day(until)} }
	always := span("0001-01-01", "9999-12-31")
	for i, want := range []*program.GiftCode{
		{Codes: []program.Code{
			{Code: "WELCOME", Earn: all("50"), Active: always},
			{Code: "0010", Earn: byTier("", "2.5"), Active: span("2026-11-01", "2026-11-30"), Times: ptr(100)},
		}},
		{CodesFile: "lists/codes.csv", Codes: []program.Code{
			{Code: "MORE", Earn: all("1"), Active: always},
			{Code: "A, or B", Earn: all("0.1"), Active: always},
			{Code: "welcome", Earn: all("7"), Active: span("0001-01-01", "2026-12-31"), Times: ptr(2)},
		}},
	} {
		got := p.Rules[i].Body
		if diff := cmp.Diff(program.Body(want), got, same, cmpopts.IgnoreUnexported(program.GiftCode{})); diff != "" {
			t.Error(diff)
		}
		for _, c := range want.Codes {
			if found := got.(*program.GiftCode).Find(c.Code); found == nil || found.Code != c.Code {
				t.Errorf("code %q is not found", c.Code)
			}
		}
		if got.(*program.GiftCode).Find("Welcome") != nil {
			t.Error("codes match exactly")
		}
	}
}

// The codes file is a part of the program file: who changes it changes the program.
func TestFingerprintOfCodesFile(t *testing.T) {
	const text = "program: p\nversion: 1\neffective_from: 2026-01-01\nrules: [{id: a, kind: gift_code, codes_file: c.csv}]"
	with := func(codes string) *program.Program {
		p, faults := program.ParseWith("f", []byte(text), func(name string) (string, []byte, error) { return name, []byte(codes), nil })
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		return p
	}
	a, b := with("code,earn\nA,1\n"), with("code,earn\nA,2\n")
	if a.SHA256 != b.SHA256 || a.Fingerprint() == b.Fingerprint() || a.Fingerprint() != with("code,earn\nA,1\n").Fingerprint() {
		t.Errorf("fingerprints %s and %s of %s and %s", a.Fingerprint(), b.Fingerprint(), a.SHA256, b.SHA256)
	}
	if plain := parseGood(t, "minimal.yaml"); plain.Fingerprint() != plain.SHA256 {
		t.Error("a program without other files has the fingerprint of its file")
	}
}

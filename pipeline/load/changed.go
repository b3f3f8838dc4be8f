package load

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sort"

	"accrue/pipeline"
	"accrue/pipeline/warehouse"
)

// loaded is what the warehouse knows of a delivery.
type loaded struct {
	fingerprint string
	files       map[string]loadedFile
	reopened    bool // rows were rejected for a currency that a program has by now
}

type loadedFile struct {
	bytes, modifiedNS int64
	sha256            string
}

// known reads what was loaded before.
func (l *loader) known(ctx context.Context) (map[pipeline.Date]*loaded, error) {
	out := map[pipeline.Date]*loaded{}
	var days int64
	var fingerprint string
	const day = "delivery - DATE '1970-01-01'"
	if err := l.db.Each(ctx, "SELECT "+day+", fingerprint FROM deliveries", nil, []any{&days, &fingerprint}, func() error {
		out[pipeline.Date(days)] = &loaded{fingerprint: fingerprint, files: map[string]loadedFile{}}
		return nil
	}); err != nil {
		return nil, err
	}
	var name string
	var f loadedFile
	if err := l.db.Each(ctx, "SELECT "+day+", name, bytes, modified_ns, sha256 FROM files", nil,
		[]any{&days, &name, &f.bytes, &f.modifiedNS, &f.sha256}, func() error {
			if d := out[pipeline.Date(days)]; d != nil {
				d.files[name] = f
			}
			return nil
		}); err != nil {
		return nil, err
	}
	for _, c := range l.o.Currencies {
		if err := l.db.Each(ctx, "SELECT DISTINCT "+day+" FROM rejects WHERE reason = 'unknown_currency' AND detail = "+
			warehouse.Literal(detail(fieldCurrency, c)), nil, []any{&days}, func() error {
			if d := out[pipeline.Date(days)]; d != nil {
				d.reopened = true
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// missing warns of deliveries that were loaded and whose folders are gone. What was loaded stays.
func (l *loader) missing(due []Delivery, known map[pipeline.Date]*loaded) {
	here := map[pipeline.Date]bool{}
	for _, d := range due {
		here[d.Date] = true
	}
	var gone []pipeline.Date
	for date := range known {
		if date <= l.o.Through && !here[date] {
			gone = append(gone, date)
		}
	}
	sort.Slice(gone, func(i, j int) bool { return gone[i] < gone[j] })
	for _, date := range gone {
		l.warn("delivery %s was loaded and its folder is gone; what was loaded stays", date)
	}
}

// changed reports whether the delivery must be loaded. Files are read again only where their size or time differs
// from what was loaded.
func (l *loader) changed(ctx context.Context, d *Delivery, k *loaded) (bool, error) {
	if k == nil || k.reopened || len(k.files) != len(d.Files) {
		return true, nil
	}
	digests := map[string]string{}
	var touched []File
	for _, f := range d.Files {
		was, ok := k.files[f.Name]
		if !ok || was.bytes != f.Bytes {
			return true, nil
		}
		digests[f.Name] = was.sha256
		if was.modifiedNS != f.ModifiedNS {
			l.progress("reading %s, which was touched", f.Path)
			sum, err := fileDigest(f)
			if err != nil {
				return false, err
			}
			digests[f.Name] = sum
			touched = append(touched, f)
		}
	}
	now, err := fingerprint(d, digests)
	if err != nil || now != k.fingerprint {
		return true, err
	}
	for _, f := range touched { // so that they need not be read the next time
		if _, err := l.db.Exec(ctx, fmt.Sprintf("UPDATE files SET modified_ns = %d WHERE delivery = %s AND name = %s",
			f.ModifiedNS, dateSQL(d.Date), warehouse.Literal(f.Name))); err != nil {
			return false, err
		}
	}
	return false, nil
}

// fingerprint stands for what a delivery says: the names, sizes and digests of its files, control.json among them.
func fingerprint(d *Delivery, digests map[string]string) (string, error) {
	lines := make([]string, 0, len(d.Files)+1)
	for _, f := range d.Files {
		lines = append(lines, fmt.Sprintf("%s\t%d\t%s\n", f.Name, f.Bytes, digests[f.Name]))
	}
	if d.Control != "" {
		text, err := readExport(d.Control)
		if err != nil {
			return "", err
		}
		sum := sha256.Sum256(text)
		lines = append(lines, fmt.Sprintf("%s\t%d\t%s\n", controlName, len(text), hex.EncodeToString(sum[:])))
	}
	sort.Strings(lines)
	h := sha256.New()
	for _, line := range lines {
		h.Write([]byte(line))
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// dateSQL writes a date as an SQL literal.
func dateSQL(d pipeline.Date) string { return "DATE '" + d.String() + "'" }

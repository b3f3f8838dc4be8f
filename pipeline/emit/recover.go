package emit

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// Recovered says what Recover did, by folder below the grants folder.
type Recovered struct {
	Renamed   []string // were complete and hidden
	Rewritten []string // were written anew from the ledger
	Marked    []string // stood in their place already
	Wiped     []string // hidden folders without publication
}

// Recover brings the grants folder and the warehouse to one state after a run that was killed. Afterwards it holds the
// published folders against the warehouse, by their manifests, and returns an error that names every folder that is
// missing, altered or unknown.
func Recover(ctx context.Context, db *warehouse.DB, grantsDir string, opts Options) (*Recovered, error) {
	opts = opts.filled()
	r := &recovery{ctx: ctx, db: db, dir: grantsDir, opts: opts, out: &Recovered{}}
	open, err := publications(ctx, db, "WHERE state <> 'published'")
	if err != nil {
		return nil, err
	}
	for _, p := range open {
		if err := r.finish(p); err != nil {
			return r.out, fmt.Errorf("bringing %s, which is committed, to its place: %w", p.place, explained(err))
		}
	}
	return r.out, r.compare(true)
}

// Check holds the published folders against the warehouse as Recover does, and changes nothing. What a killed run left
// unfinished is no fault.
func Check(ctx context.Context, db *warehouse.DB, grantsDir string) error {
	r := &recovery{ctx: ctx, db: db, dir: grantsDir, opts: Options{}.filled(), out: &Recovered{}}
	return r.compare(false)
}

type recovery struct {
	ctx  context.Context
	db   *warehouse.DB
	dir  string
	opts Options
	out  *Recovered
}

// finish publishes what was committed.
func (r *recovery) finish(p recorded) error {
	m, err := parseManifest([]byte(p.text))
	if err != nil {
		return err
	}
	s := &Staged{
		Manifest: m, Text: []byte(p.text), SHA256: p.sha256, Folder: filepath.Join(r.dir, p.folder()), fs: r.opts.FS,
		place: p.place, hidden: filepath.Join(r.dir, p.hidden()), step: r.opts.Step,
	}
	there, err := s.fs.Exists(s.Folder)
	if err != nil {
		return err
	}
	switch {
	case there:
		r.out.Marked = append(r.out.Marked, p.String())
	case r.whole(s):
		r.out.Renamed = append(r.out.Renamed, p.String())
	default:
		if err := r.rewrite(s); err != nil {
			return err
		}
		r.out.Rewritten = append(r.out.Rewritten, p.String())
	}
	return s.Publish(r.ctx, r.db)
}

// whole reports whether the hidden folder is there and holds exactly what the manifest says. What it lacks can be
// written anew, so the reason does not matter.
func (r *recovery) whole(s *Staged) bool {
	want, scales, err := totalsOf(s.Manifest)
	if err != nil {
		return false
	}
	back := readBack{s.fs, s.hidden, s.Manifest, s.Text, want, scales, "", func() {}}
	return back.run(r.ctx, r.db) == nil && s.signed(r.opts) == nil && s.fs.SyncDir(s.hidden) == nil
}

// rewrite writes the files of a publication anew from the ledger. They come out the same to the byte, or it fails.
func (r *recovery) rewrite(s *Staged) error {
	c := contents{at: s.place, manifest: s.Manifest}
	var err error
	if c.want, c.scales, err = totalsOf(s.Manifest); err != nil {
		return err
	}
	if c.feed, err = fromLedger(r.ctx, r.db, s.place.program, s.place.postedOn, s.place.seq); err != nil {
		return err
	}
	for _, m := range s.Manifest.Files {
		c.files = append(c.files, planned{name: m.Name, format: Format(m.Format), rows: m.Rows})
	}
	again, err := c.stage(r.ctx, r.db, r.opts, r.dir)
	if err != nil {
		return err
	}
	if again.SHA256 != s.SHA256 {
		return errors.Join(fmt.Errorf("its manifest was committed with SHA-256 %s, and comes out with %s", s.SHA256, again.SHA256),
			again.Discard())
	}
	return nil
}

// compare wipes hidden folders that nothing was committed for, and holds what stands in its place against the
// warehouse: by their manifests, which is quick. VerifyPublished reads everything.
func (r *recovery) compare(wipe bool) error {
	all, err := publicationsWith(r.ctx, r.db, "''", "")
	if err != nil {
		return err
	}
	disk, err := look(r.opts.FS, r.dir)
	if err != nil {
		return err
	}
	for _, h := range disk.hidden {
		if !wipe {
			break
		}
		if err := r.opts.FS.RemoveAll(filepath.Join(r.dir, h)); err != nil {
			return fmt.Errorf("removing what a killed run left: %w", err)
		}
		r.out.Wiped = append(r.out.Wiped, filepath.ToSlash(h))
	}
	var faults []string
	for _, p := range all {
		text, err := readFile(r.opts.FS, filepath.Join(r.dir, p.folder(), schemas.ManifestName))
		switch {
		case !disk.published[p.place]:
			if wipe || p.state == "published" {
				faults = append(faults, fmt.Sprintf("%s: published, and not there any more", p.place))
			}
		case err != nil:
			faults = append(faults, fmt.Sprintf("%s: its manifest cannot be read: %v", p.place, err))
		case digestOf(text) != p.sha256:
			faults = append(faults, fmt.Sprintf("%s: its manifest was published with SHA-256 %s and has %s", p.place, p.sha256, digestOf(text)))
		}
		delete(disk.published, p.place)
	}
	more, behind, err := closingsHeld(r.ctx, r.db, r.opts.FS, r.dir, wipe)
	if err != nil {
		return err
	}
	if wipe { // else a file that is missing is only not written yet
		faults = append(faults, more...)
	}
	for i, p := range sortedPlaces(disk.published) {
		behind = slices.Insert(behind, i, p.String())
	}
	if len(faults) > 0 {
		for _, p := range behind {
			faults = append(faults, fmt.Sprintf("%s: the warehouse does not know it", p))
		}
		return fmt.Errorf("%w under %s:\n%s\nPut the published files back as they were", errAltered, r.dir,
			strings.Join(faults, "\n"))
	}
	if len(behind) > 0 {
		return &BehindError{Dir: r.dir, Folders: behind}
	}
	return nil
}

// BehindError says that the warehouse does not know what was published: it was lost, or an old copy of it is in its
// place.
type BehindError struct {
	Dir     string
	Folders []string // published, below Dir, that the warehouse does not know; closings are files
}

// Error names the first of the folders.
func (e *BehindError) Error() string {
	const few = 5
	text := fmt.Sprintf("the warehouse is behind the published files under %s; it does not know\n%s", e.Dir,
		strings.Join(e.Folders[:min(few, len(e.Folders))], "\n"))
	if more := len(e.Folders) - few; more > 0 {
		text += fmt.Sprintf("\nand %d more", more)
	}
	return text
}

// Hint says what to do.
func (e *BehindError) Hint() string {
	return "if the warehouse was lost or put back from an old copy, `accrue rebuild` makes it anew from the deliveries " +
		"and the published files; a folder that accrue never published does not belong there"
}

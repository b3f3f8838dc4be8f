package emit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"

	"accrue/pipeline"
	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// Request says what to publish: the rows of `difference` with the posting date, which may be none.
type Request struct {
	Options
	GrantsDir      string
	Program        string
	PostedOn       pipeline.Date
	Seq            int
	Run            string
	Horizon        pipeline.Date // the last business date that the evaluation knew
	Formats        []Format      // none: CSV
	MaxRowsPerFile int64         // 0: one file, however many rows
	Versions       []schemas.ManifestVersion
	Deliveries     []schemas.ManifestDelivery
	Previous       string          // SHA-256 of the program's manifest before this one; see LastManifest
	Scales         map[string]int  // decimal places by reward; a reward whose amounts need more gets more
	Expected       pipeline.Totals // what the ledger posts under the date
}

// Staged is a publication that lies in its hidden folder, complete, flushed and read back.
type Staged struct {
	Manifest *schemas.Manifest
	Text     []byte // the manifest's bytes
	SHA256   string // of Text, hex
	Folder   string // where it will stand

	fs        FS
	place     place
	hidden    string
	made      []string // folders that had to be made for it
	signature []byte   // nil where it is not signed, or not known
	step      func(string)
}

// Stage writes and checks the files of one publication in a hidden folder. It reads `difference` and changes
// nothing in the warehouse. Where it fails it removes what it wrote.
func Stage(ctx context.Context, db *warehouse.DB, req Request) (*Staged, error) {
	at := place{req.Program, req.PostedOn, req.Seq}
	s, err := stage(ctx, db, req, at)
	if err != nil {
		return nil, fmt.Errorf("publishing %s: %w", at, explained(err))
	}
	return s, nil
}

func stage(ctx context.Context, db *warehouse.DB, req Request, at place) (*Staged, error) {
	f := fromDifference(db, req.Program, req.PostedOn)
	scales := map[string]int{}
	for _, s := range req.Expected.Sums {
		scales[s.Reward] = req.Scales[s.Reward]
	}
	s, err := stageScaled(ctx, db, req, at, f, scales)
	if !errors.Is(err, errPlaces) {
		return s, err
	}
	// A grant that was posted when its reward's scale was finer is taken back: all of the reward is written with as
	// many places as it needs.
	fig, err := f.figures(ctx)
	if err != nil {
		return nil, fmt.Errorf("counting the grants: %w", err)
	}
	for reward, places := range fig.places {
		scales[reward] = max(scales[reward], places)
	}
	return stageScaled(ctx, db, req, at, f, scales)
}

func stageScaled(ctx context.Context, db *warehouse.DB, req Request, at place, f *feed, scales map[string]int) (*Staged, error) {
	formats := req.Formats
	if len(formats) == 0 {
		formats = []Format{CSV}
	}
	m := &schemas.Manifest{
		Format: schemas.ManifestFormat, Program: req.Program, PostedOn: req.PostedOn.String(), Seq: req.Seq, Run: req.Run, Horizon: req.Horizon.String(),
		Versions:   append([]schemas.ManifestVersion{}, req.Versions...),
		Deliveries: append([]schemas.ManifestDelivery{}, req.Deliveries...),
		Previous:   req.Previous, SignedBy: keyOf(req.Signer), Totals: manifestTotals(&req.Expected, scales),
	}
	return contents{
		at: at, feed: f, files: plan(formats, req.Expected.Rows, req.MaxRowsPerFile), manifest: m, want: &req.Expected,
		scales: scales,
	}.stage(ctx, db, req.Options, req.GrantsDir)
}

// contents are what a published folder is to hold.
type contents struct {
	at       place
	feed     *feed
	files    []planned
	manifest *schemas.Manifest // without its files where they are written for the first time
	want     *pipeline.Totals
	scales   map[string]int // decimal places by reward
}

// stage writes the files and the manifest into the publication's hidden folder, flushes them and reads them back.
func (c contents) stage(ctx context.Context, db *warehouse.DB, o Options, grantsDir string) (s *Staged, err error) {
	o = o.filled()
	c.feed.slice = o.SliceRows
	s = &Staged{
		Manifest: c.manifest, Folder: filepath.Join(grantsDir, c.at.folder()), fs: o.FS, place: c.at,
		hidden: filepath.Join(grantsDir, c.at.hidden()), step: o.Step,
	}
	if there, err := s.fs.Exists(s.Folder); err != nil {
		return nil, err
	} else if there {
		return nil, fmt.Errorf("%s is there already, and the warehouse does not know it", s.Folder)
	}
	o.Step("emit.write")
	if err := s.fs.RemoveAll(s.hidden); err != nil {
		return nil, fmt.Errorf("removing what an earlier run left: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Discard())
			s = nil
		}
	}()
	if s.made, err = makeDirs(s.fs, s.hidden); err != nil {
		return s, fmt.Errorf("making the folder: %w", err)
	}
	return s, s.write(ctx, db, o, c)
}

func (s *Staged) write(ctx context.Context, db *warehouse.DB, o Options, c contents) error {
	total := c.want.Rows // they are written in one go, and read back from every file
	for _, p := range c.files {
		total += p.rows
	}
	done := o.counter(total)
	w := newWriter(s.fs, s.hidden, c.scales, c.files)
	defer w.close()
	check, err := w.write(ctx, c.feed, c.want, done)
	if err != nil {
		return err
	}
	if err := s.manifest(w); err != nil {
		return err
	}
	if err := s.sign(o); err != nil {
		return err
	}
	if err := s.sync(o, w); err != nil {
		return err
	}
	o.Step("emit.readback")
	if err := s.signed(o); err != nil {
		return err
	}
	return readBack{s.fs, s.hidden, s.Manifest, s.Text, c.want, c.scales, check.digest(), done}.run(ctx, db)
}

// manifest fills in the files that were written, or holds them against those of a manifest that was there before.
func (s *Staged) manifest(w *writer) (err error) {
	var files []schemas.ManifestFile
	for _, f := range w.files {
		files = append(files, schemas.ManifestFile{
			Name: f.name, Format: string(f.format), Bytes: f.bytes, Rows: f.rows, SHA256: hexDigest(f.hash),
		})
	}
	if s.Manifest.Files == nil {
		s.Manifest.Files = files
	}
	for i, f := range files {
		if want := s.Manifest.Files[i]; f != want {
			return fmt.Errorf("%s was published with SHA-256 %s, and the ledger's rows give %s", f.Name, want.SHA256, f.SHA256)
		}
	}
	if s.Text, err = manifestText(s.Manifest); err != nil {
		return err
	}
	s.SHA256 = digestOf(s.Text)
	return nil
}

// sync puts the manifest beside the files and flushes everything.
func (s *Staged) sync(o Options, w *writer) error {
	path := filepath.Join(s.hidden, schemas.ManifestName)
	m := &written{path: path, hash: sha256.New()}
	w.files = append(w.files, m)
	if err := w.create(m); err != nil {
		return err
	}
	if _, err := m.Write(s.Text); err != nil {
		return err
	}
	if err := s.putSignature(w); err != nil {
		return err
	}
	o.Step("emit.sync")
	for _, f := range w.files {
		if err := f.sync(); err != nil {
			return err
		}
	}
	if err := s.fs.SyncDir(s.hidden); err != nil {
		return fmt.Errorf("flushing %s to disk: %w", s.hidden, err)
	}
	return nil
}

// explained adds what to do to errors of the file system that people meet.
func explained(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w\nNothing was published. Make room on the disk and run again", err)
	case errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return fmt.Errorf("%w\nNothing was published. The grants folder must be writable (`grants: {path: …}` in accrue.yaml)", err)
	}
	return err
}

package columnar

import (
	"errors"

	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"

	"accrue/pipeline/inside"
)

// openParquet opens a Parquet file for reading in batches of at most rows. closeFile must be called. Columns are read
// one after the other: in goroutines of their own a damaged file's panic could not be caught.
func openParquet(path string, rows int64) (fr *pqarrow.FileReader, closeFile func(), err error) {
	defer guard(&err)
	f, err := inside.Open(path)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = checkParquet(f, info.Size())
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	pr, err := file.NewParquetReader(f)
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	if err := touch(pr); err != nil {
		return nil, nil, errors.Join(err, pr.Close())
	}
	// Some writers add an Arrow schema to the description, which pqarrow believes: one that lies takes all memory there
	// is. The types of Parquet say enough.
	pr.MetaData().FileMetaData.KeyValueMetadata = nil
	fr, err = pqarrow.NewFileReader(pr, pqarrow.ArrowReadProperties{BatchSize: rows}, allocator)
	if err != nil {
		return nil, nil, errors.Join(err, pr.Close())
	}
	return fr, func() { _ = pr.Close() }, nil
}

// touch reads the description of every column of every row group, which pqarrow does in goroutines of its own.
func touch(pr *file.Reader) (err error) {
	defer guard(&err)
	rows := int64(0)
	for i := 0; i < pr.NumRowGroups(); i++ {
		group := pr.MetaData().RowGroup(i)
		rows += group.NumRows()
		for j := 0; j < group.NumColumns(); j++ {
			if _, err := group.ColumnChunk(j); err != nil {
				return err
			}
			if _, err := pr.RowGroup(i).GetColumnPageReader(j); err != nil {
				return err
			}
		}
	}
	if rows != pr.NumRows() {
		return &DamagedError{What: "its row groups do not add up to its rows"}
	}
	return nil
}

package reference

import (
	"time"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/program"
)

// Row is one record of an export file as text, by column name. An absent column and an empty cell are the same. A nil
// Row is a record that could not be split into the header's columns: it is rejected as bad_row.
type Row map[string]string

// Delivery holds the rows of one delivery folder, by dataset name.
type Delivery struct {
	Date     pipeline.Date
	Datasets map[string][]Row
}

// Reject is a row that was not accepted. Row counts the dataset's rows in the delivery from 1.
type Reject struct {
	Dataset  string
	Delivery pipeline.Date
	Row      int
	Reason   string
}

// Facts are the accepted rows that hold: one per key, for members one per key and delivery. Their order has no
// meaning.
type Facts struct {
	Transactions []Transaction
	Items        []Item
	Returns      []Return
	Activities   []Activity
	Members      []Member
	Stores       []Store
	// FirstDelivery is the date of the earliest delivery that is known; nil where there is none.
	FirstDelivery *pipeline.Date
}

// Transaction is one purchase. Amounts are exact, at most four places.
type Transaction struct {
	ID, MemberID string // MemberID is empty where nobody is known
	OccurredAt   pipeline.Timestamp
	Amount       decimal.Decimal
	Currency     string // empty: the program's
	StoreID      string
	Channel      string
	Status       string // completed, pending or cancelled
	Parts        map[program.Part]decimal.Decimal
}

// Item is one line of a purchase. Amount is below zero for a discount line (F23).
type Item struct {
	TransactionID, LineNo   string
	ItemID, Category, Brand string
	Quantity, Amount        decimal.Decimal
}

// Return is one refund. LineNo is empty for a refund of the whole; Quantity is nil where none was given.
type Return struct {
	ID, TransactionID, LineNo string
	Amount                    decimal.Decimal
	Quantity                  *decimal.Decimal
	Parts                     map[program.Part]decimal.Decimal
}

// Activity is one thing that a member did. Value is kept as text (F28).
type Activity struct {
	ID, MemberID, Type string
	OccurredAt         pipeline.Timestamp
	Subject, Value     string
	StoreID            string
	Status             string // completed, pending or cancelled
}

// Member is what one delivery says about a member.
type Member struct {
	Delivery  pipeline.Date
	ID, Tier  string
	BirthDate *pipeline.Date
	JoinedAt  *pipeline.Timestamp // FormDateOnly is set where it is a date without time; nil where it is empty
	Closed    bool
	Tags      []string
}

// Store is what is known of a store.
type Store struct {
	ID       string
	TimeZone *time.Location // nil: the program's
	Region   string
}

package load

import "testing"

func TestSmoke(t *testing.T) {
	p := newProject(t)
	p.deliver("2026-11-20", map[string]string{
		"transactions.csv": "transaction_id,member_id,occurred_at,amount,currency\nt1,m1,2026-11-20T10:00,100,INR\nt2,,2026-11-20T10:00:00.5Z,-1,\nt3,m1,2026-11-20 10:00,3.5,EUR\n",
		"items.csv":        "transaction_id,line_no,item_id,amount\nt1,1,i1,50\nt9,1,i1,-50\nt1,1,i1,50.00\n",
		"members.csv":      "member_id,tags,joined_at\nm1, b ;a;;b,2026-01-01\n",
		"stores.csv":       "store_id,time_zone\ns1,Asia/Kolkata\ns2,Mars/Base\n",
	})
	res := p.load()
	t.Logf("%+v", res)
	t.Log(p.rejects(), p.figures())
	t.Log(p.rows("FROM transactions"), p.rows("FROM items"), p.rows("FROM members"))
	p.deliver("2026-11-19", map[string]string{
		"transactions.csv": "transaction_id,member_id,occurred_at,amount,currency\nt1,m1,2026-11-20T10:00,101,INR\n",
	})
	p.deliver("2026-11-20", map[string]string{
		"transactions.csv": "transaction_id,member_id,occurred_at,amount,currency\nt4,m1,2026-11-20T10:00,101,INR\n",
	})
	res = p.load()
	t.Logf("%+v", res)
	t.Log(p.rejects(), p.figures())
	t.Log(p.rows("FROM transactions"), p.rows("FROM transactions_history"), p.rows("FROM withdrawn"))
}

package ledger

// BoundMoves lowers the bounds of moves, so that a test need not reach the real
// ones.
func (l *Ledger) BoundMoves(rows, scan int) { l.moveRows, l.moveScan = rows, scan }

// ChargeTheLongWay has every charge go the long way.
func (l *Ledger) ChargeTheLongWay() { l.long = true }

var AppendChargeData = appendChargeData

package postgres

import (
	"context"
	"database/sql/driver"
	"sync/atomic"
)

// connector opens connections. Its errors tell a server that does not answer from a
// caller who gave up.
type connector struct {
	driver.Connector
	made *atomic.Bool // set once a connection was made
}

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, unlessGivenUp(ctx, err)
	}
	c.made.Store(true)
	return opened, nil
}

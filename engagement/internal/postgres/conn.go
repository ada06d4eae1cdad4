package postgres

import (
	"context"
	"database/sql/driver"
)

// connector opens connections. Its errors tell a server that does not answer from a
// caller who gave up.
type connector struct{ driver.Connector }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, unlessGivenUp(ctx, err)
	}
	return opened, nil
}

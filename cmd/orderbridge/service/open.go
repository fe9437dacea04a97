// Package service puts the parts of Orderbridge together: it is the one place that sees both sides of every port.
package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"orderbridge/adapters/localpg"
	"orderbridge/adapters/pancake"
	"orderbridge/adapters/postgres"
	"orderbridge/adapters/usercsv"
	"orderbridge/app"
	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/problem"
)

// closeTimeout is how long the embedded PostgreSQL may take to stop.
const closeTimeout = time.Minute

// Settings are what a program of Orderbridge is started with.
type Settings struct {
	// DatabaseURL is a PostgreSQL connection string; empty for the embedded server.
	DatabaseURL string
	// DataDir holds the secret key, and the embedded server's files.
	DataDir string
	// SecretKey is the key for header values as 64 hexadecimal digits; empty for the one in DataDir.
	SecretKey string
}

// Service is Orderbridge on an open database.
type Service struct {
	app.Application

	logger   *slog.Logger
	cluster  *localpg.Cluster // nil on a database of the operator's own
	db       *postgres.Database
	log      *postgres.Log
	listener *postgres.Listener
	dsn      string
}

// Open opens the database, brings it up to date, and puts the service together. Nothing runs yet but the database.
func Open(ctx context.Context, settings Settings, logger *slog.Logger) (_ *Service, err error) {
	s := &Service{logger: logger, dsn: settings.DatabaseURL}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.dsn == "" {
		if s.cluster, err = localpg.Open(ctx, localpg.Config{DataDir: settings.DataDir, Logger: logger}); err != nil {
			return nil, fmt.Errorf("start embedded PostgreSQL: %w", err)
		}
		s.dsn = s.cluster.DSN()
	}
	if err := s.connect(ctx); err != nil {
		return nil, err
	}
	key, err := secretKey(ctx, settings, s.db)
	if err != nil {
		return nil, err
	}
	s.log = postgres.NewLog(s.db)
	s.listener = postgres.NewListener(s.db, logger)

	read := postgres.NewReadModel(s.db)
	workspaces, customers, users := postgres.NewWorkspaces(s.db), postgres.NewCustomers(s.db), postgres.NewUsers(s.db)
	deliveries := postgres.NewDeliveries(s.db)
	s.Application = app.Application{
		Commands: app.Commands{
			AuthenticateDelivery: command.NewAuthenticateDeliveryHandler(postgres.NewShopDirectory(s.db, s.listener), key, time.Now),
			ReceiveOrder:         command.NewReceiveOrderHandler(s.log, pancake.Interpreter{}, time.Now),
			ConnectShop:          command.NewConnectShopHandler(workspaces, users, key),
			DisconnectShop:       command.NewDisconnectShopHandler(workspaces),
			UpdateShop:           command.NewUpdateShopHandler(workspaces, users),
			RotateShopKey:        command.NewRotateShopKeyHandler(workspaces, key, time.Now),
			PauseShop:            command.NewPauseShopHandler(workspaces),
			ReleaseHeld:          command.NewReleaseHeldHandler(workspaces),
			ChangeSettings:       command.NewChangeSettingsHandler(workspaces),
			CreateWorkspace:      command.NewCreateWorkspaceHandler(workspaces),
			UpdateWorkspace:      command.NewUpdateWorkspaceHandler(workspaces),
			CreateToken:          command.NewCreateTokenHandler(workspaces),
			RevokeToken:          command.NewRevokeTokenHandler(workspaces),
			AddCustomer:          command.NewAddCustomerHandler(customers, time.Now),
			EditCustomer:         command.NewEditCustomerHandler(customers, time.Now),
			ChangeCustomerStatus: command.NewChangeCustomerStatusHandler(customers),
			AddUser:              command.NewAddUserHandler(users),
			EditUser:             command.NewEditUserHandler(users),
			SetUserActive:        command.NewSetUserActiveHandler(users),
			ImportUsers:          command.NewImportUsersHandler(users, usercsv.Reader{}),
			MapStaff:             command.NewMapStaffHandler(users, postgres.NewPastOrders(s.db)),
			UnmapStaff:           command.NewUnmapStaffHandler(users),
			RetryDelivery:        command.NewRetryDeliveryHandler(deliveries),
			RetryDeliveries:      command.NewRetryDeliveriesHandler(deliveries, read),
		},
		Answers: postgres.NewAnswers(s.db, key),
		Queries: app.Queries{ReadModel: read, ExplainDelivery: query.NewExplainDeliveryHandler(read)},
	}
	return s, nil
}

// connect connects to the database, and brings it up to date first when it is not.
func (s *Service) connect(ctx context.Context) error {
	db, err := postgres.Connect(ctx, s.dsn)
	if err == nil {
		if err = db.CheckMigrated(ctx); err == nil {
			s.db = db
			return nil
		}
		db.Close()
	}
	if refusal, ok := problem.Of(err); ok && !errors.Is(err, postgres.ErrNotMigrated) {
		return refusal // it cannot be reached, and migrating would not change that
	}
	if err := postgres.Migrate(ctx, s.dsn, s.logger); err != nil {
		return fmt.Errorf("bring database up to date: %w", err)
	}
	s.db, err = postgres.Connect(ctx, s.dsn)
	return err
}

// Close closes what Open opened.
func (s *Service) Close() error {
	if s.log != nil {
		s.log.Close()
	}
	if s.db != nil {
		s.db.Close()
	}
	if s.cluster == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := s.cluster.Close(ctx); err != nil {
		return fmt.Errorf("stop embedded PostgreSQL: %w", err)
	}
	return nil
}

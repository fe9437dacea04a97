package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"orderbridge/adapters/postgres"
	"orderbridge/domain/workspace"
)

// secretKeyFile is kept beside the database's files and not in the database, so that a copy of one is not a copy of
// both.
const secretKeyFile = "secret.key"

// secretKey finds the key under which header values are hashed, makes one for a new database, and refuses one that
// does not belong to the database.
func secretKey(ctx context.Context, settings Settings, db *postgres.Database) (workspace.SecretKey, error) {
	key, err := findSecretKey(ctx, settings, db)
	if err != nil {
		return workspace.SecretKey{}, err
	}
	return key, db.CheckSecretKey(ctx, key)
}

func findSecretKey(ctx context.Context, settings Settings, db *postgres.Database) (workspace.SecretKey, error) {
	if settings.SecretKey != "" {
		return workspace.ParseSecretKey(settings.SecretKey)
	}
	path := filepath.Join(settings.DataDir, secretKeyFile)
	text, err := os.ReadFile(path)
	switch {
	case err == nil:
		return workspace.ParseSecretKey(string(text))
	case !errors.Is(err, fs.ErrNotExist):
		return workspace.SecretKey{}, fmt.Errorf("read secret key: %w", err)
	}
	if err := db.RequireNoSecretKey(ctx); err != nil {
		return workspace.SecretKey{}, err
	}
	if err := keepSecret(path, workspace.NewSecretKey().Text()); err != nil {
		return workspace.SecretKey{}, fmt.Errorf("keep secret key: %w", err)
	}
	if text, err = os.ReadFile(path); err != nil {
		return workspace.SecretKey{}, fmt.Errorf("read secret key: %w", err)
	}
	return workspace.ParseSecretKey(string(text))
}

// keepSecret makes a file that only its owner can read, whole or not at all, and leaves one alone that was made before.
func keepSecret(path, secret string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // the embedded server's user has to pass
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // made with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.WriteString(secret + "\n")
	err = errors.Join(err, temporary.Sync(), temporary.Close())
	if err != nil {
		return err
	}
	if err := os.Link(temporary.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strings"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/problem"
	"orderbridge/ports/upload"
)

func (s *server) importRoutes(r routes) {
	s.exportRoutes(r)
	r.operator("GET /customers/import", s.importsPage)
	r.operator("POST /customers/import", s.checkCustomerFile)
	r.operator("GET /customers/import/template", s.importTemplate)
	r.operator("GET /customers/import/progress", s.importProgress)
	r.operator("GET /customers/import/result", s.importResult)
	r.operator("POST /customers/import/confirm", s.confirmImport)
	r.operator("POST /customers/import/cancel", s.cancelImport)
}

// maxFormBytes is what a form is around a file.
const maxFormBytes = 1 << 20

var (
	errFileMissing    = problem.Malformed("file-missing", "choose a file")
	errFileIncomplete = problem.Malformed("file-incomplete", "the file broke off before its end, or came too slowly; send it again")
)

// importList is what the page of imports shows.
type importList struct {
	Imports query.List[query.CustomerImport]
	Refused string
}

// importsPage shows the imports there were, or one of them.
func (s *server) importsPage(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Query().Has("id") {
		return s.importPage(w, r)
	}
	list, err := s.importList(r, "")
	if err != nil {
		return err
	}
	return show(w, r, importsPage(list))
}

func (s *server) importList(r *http.Request, refused string) (importList, error) {
	page, err := query.ParseIDPage(new(listSize), r.URL.Query().Get("cursor"))
	if err != nil {
		return importList{}, err
	}
	found, err := s.app.Queries.CustomerImports(r.Context(), viewOf(r.Context()).WorkspaceID, page)
	return importList{Imports: found, Refused: refused}, err
}

// checkCustomerFile reads a file and says what would become of its rows.
func (s *server) checkCustomerFile(w http.ResponseWriter, r *http.Request) error {
	id, err := s.receiveCustomers(w, r)
	if refused, ok := isRefused(err); ok {
		list, err := s.importList(r, sayFile(r.Context(), refused))
		if err != nil {
			return err
		}
		render(w, r, statusOf(refused), importsPage(list))
		return nil
	}
	if err != nil {
		return err
	}
	seeOther(w, r, importPath("", id))
	return nil
}

// sayFile says what is wrong with a file, and what to do about it.
func sayFile(ctx context.Context, refused *problem.Error) string {
	if len(refused.Fields()) > 0 {
		return t(ctx, "import.file.wrong", "What", strings.Join(sayEachField(ctx, refused), "; "))
	}
	said := sayProblem(ctx, refused)
	if refused.Code() == "file-unreadable" { // where in the file, and why
		said += " " + t(ctx, "import.file.detail", "What", refused.Error())
	}
	return said
}

func (s *server) receiveCustomers(w http.ResponseWriter, r *http.Request) (_ uuid.UUID, err error) {
	leave, err := enter(s.uploads)
	if err != nil {
		return uuid.Nil, err
	}
	defer leave()
	file, name, err := receiveFile(w, r)
	if err != nil {
		return uuid.Nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return uuid.Nil, fmt.Errorf("look at the upload: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), upload.CheckTimeout)
	defer cancel()
	return s.app.Commands.CheckCustomerFile.Handle(ctx, command.CheckCustomerFile{By: by(ctx), File: file, Size: info.Size(), Name: name})
}

// receiveFile keeps the file of a form in one that lives as long as it is open.
func receiveFile(w http.ResponseWriter, r *http.Request) (_ *os.File, name string, err error) {
	const most = upload.MaxBytes + maxFormBytes
	if r.ContentLength > most {
		return nil, "", upload.ErrTooLarge
	}
	var part *multipart.Part
	file, err := upload.Receive(w, workTimeout, errFileIncomplete, func() (io.Reader, error) {
		r.Body = http.MaxBytesReader(w, r.Body, most)
		form, err := r.MultipartReader()
		if err != nil {
			return nil, errFormBroken.Because(err)
		}
		part, err = filePart(form)
		return part, err
	})
	if err != nil {
		return nil, "", err
	}
	return file, part.FileName(), nil
}

// filePart finds the file in a form.
func filePart(form *multipart.Reader) (*multipart.Part, error) {
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return nil, errFileMissing
		}
		if err != nil {
			return nil, errFileIncomplete.Because(err)
		}
		if part.FormName() == "file" && part.FileName() != "" {
			return part, nil
		}
	}
}

// importPath is the address of an import, or of something that belongs to it.
func importPath(part string, id uuid.UUID) string {
	if part != "" {
		part = "/" + part
	}
	return address("/customers/import"+part, "id", id.String())
}

// shownRows is how many rows of each outcome are shown.
const shownRows = 10

// importView is what the page of an import shows.
type importView struct {
	query.CustomerImport

	// Rows are the first of each outcome, in the order of importOutcomes.
	Rows [][]query.ImportRow
}

// importOutcomes are those whose rows are shown, those first that somebody has to do something about.
func importOutcomes() []command.RowOutcome {
	return []command.RowOutcome{command.RowInvalid, command.RowRepeated, command.RowExisting, command.RowNew, command.RowImported}
}

// of is how many rows have an outcome.
func (v importView) of(outcome command.RowOutcome) int {
	switch outcome {
	case command.RowNew:
		return v.New
	case command.RowExisting:
		return v.Existing
	case command.RowRepeated:
		return v.Repeated
	case command.RowInvalid:
		return v.Invalid
	default:
		return v.Imported
	}
}

// isMoving tells that the import goes on by itself.
func isMoving(one query.CustomerImport) bool {
	return one.State == query.ImportReading || one.State == query.ImportImporting
}

func (s *server) importPage(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	id, err := importID(r)
	if err != nil {
		return err
	}
	v := importView{}
	if v.CustomerImport, err = s.app.Queries.CustomerImport(ctx, viewOf(ctx).WorkspaceID, id); err != nil {
		return err
	}
	for _, outcome := range importOutcomes() {
		rows, err := s.app.Queries.ImportRows(ctx, viewOf(ctx).WorkspaceID, id, string(outcome), 0, shownRows)
		if err != nil {
			return err
		}
		v.Rows = append(v.Rows, rows)
	}
	return show(w, r, importPage(v))
}

// importID is the import that is asked for.
func importID(r *http.Request) (uuid.UUID, error) {
	id, err := uuid.Parse(r.FormValue("id"))
	if err != nil {
		return uuid.Nil, errPageUnknown
	}
	return id, nil
}

// importProgress is how far an import is. When it has come to its end the page is loaded again.
func (s *server) importProgress(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	id, err := importID(r)
	if err != nil {
		return err
	}
	one, err := s.app.Queries.CustomerImport(ctx, viewOf(ctx).WorkspaceID, id)
	if err != nil {
		return err
	}
	if !isMoving(one) {
		w.Header().Set("HX-Refresh", "true")
	}
	return show(w, r, importProgress(one))
}

func (s *server) confirmImport(w http.ResponseWriter, r *http.Request) error {
	id, err := importID(r)
	if err != nil {
		return err
	}
	if err := s.app.Commands.ConfirmCustomerImport.Handle(r.Context(), command.ConfirmCustomerImport{By: by(r.Context()), ID: id}); err != nil {
		return err
	}
	seeOther(w, r, importPath("", id))
	return nil
}

func (s *server) cancelImport(w http.ResponseWriter, r *http.Request) error {
	id, err := importID(r)
	if err != nil {
		return err
	}
	if err := s.app.Commands.CancelCustomerImport.Handle(r.Context(), command.CancelCustomerImport{By: by(r.Context()), ID: id}); err != nil {
		return err
	}
	seeOther(w, r, importPath("", id))
	return nil
}

func (s *server) importTemplate(w http.ResponseWriter, r *http.Request) error {
	return s.download(w, r, "khach-hang-mau", func(_ context.Context, export query.Export) error {
		return s.app.Queries.Export.CustomerTemplate(export.Format, export.To)
	})
}

func (s *server) importResult(w http.ResponseWriter, r *http.Request) error {
	id, err := importID(r)
	if err != nil {
		return err
	}
	if _, err := s.app.Queries.CustomerImport(r.Context(), viewOf(r.Context()).WorkspaceID, id); err != nil {
		return err
	}
	return s.download(w, r, "ket-qua-nhap-"+id.String(), func(ctx context.Context, export query.Export) error {
		return s.app.Queries.Export.ImportResult(ctx, export, id)
	})
}

// sayRow says why a row has its outcome.
func sayRow(ctx context.Context, row query.ImportRow) string {
	said := make([]string, 0, len(row.Reasons))
	for _, reason := range row.Reasons {
		field, _, _ := strings.Cut(reason.Field, "[")
		switch {
		case row.SameAs != nil:
			said = append(said, t(ctx, "import.row.repeated", "Field", tOr(ctx, "import.field."+field, field), "Line", *row.SameAs))
		case row.Outcome == string(command.RowExisting):
			said = append(said, t(ctx, "import.row.existing", "Field", tOr(ctx, "import.field."+field, field)))
		default:
			said = append(said, tOr(ctx, "import.row.invalid."+field, reason.Field+": "+reason.Message))
		}
	}
	return strings.Join(said, "; ")
}

func importTone(state query.ImportState) string {
	switch state {
	case query.ImportDone:
		return "success"
	case query.ImportChecked:
		return "warning"
	case query.ImportReading, query.ImportImporting:
		return "info"
	default:
		return "neutral"
	}
}

package http

import (
	"context"
	"mime"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/problem"
)

// ListImports lists imports of customers.
func (c api) ListImports(ctx context.Context, request ListImportsRequestObject) (ListImportsResponseObject, error) {
	var check query.Parameters
	page := check.IDPage(request.Params.Limit, given(request.Params.Cursor))
	if err := check.Problem(); err != nil {
		return nil, err
	}
	list, err := c.queries.CustomerImports(ctx, workspaceOf(ctx), page)
	return ListImports200JSONResponse(list), err
}

// CheckCustomerFile checks a file of customers.
func (c api) CheckCustomerFile(ctx context.Context, request CheckCustomerFileRequestObject) (CheckCustomerFileResponseObject, error) {
	name := "customers"
	if header := given(request.Params.ContentDisposition); header != "" {
		_, parameters, err := mime.ParseMediaType(header)
		if name = parameters["filename"]; err != nil || name == "" {
			return nil, problem.InvalidFields(codeParametersInvalid, problem.Field{
				Path: "Content-Disposition", Message: `this is such as attachment; filename*=UTF-8''khach-hang.xlsx`,
			})
		}
	}
	file, size, err := uploadOf(request.Body)
	if err != nil {
		return nil, err
	}
	id, err := c.commands.CheckCustomerFile.Handle(ctx, command.CheckCustomerFile{By: byOf(ctx), File: file, Size: size, Name: name})
	if err != nil {
		return nil, err
	}
	found, err := c.queries.CustomerImport(ctx, workspaceOf(ctx), id)
	return CheckCustomerFile201JSONResponse{
		Body: found, Headers: CheckCustomerFile201ResponseHeaders{Location: "/api/v1/imports/" + id.String()},
	}, err
}

// GetImport shows an import.
func (c api) GetImport(ctx context.Context, request GetImportRequestObject) (GetImportResponseObject, error) {
	found, err := c.queries.CustomerImport(ctx, workspaceOf(ctx), request.ID)
	return GetImport200JSONResponse(found), err
}

// ListImportRows lists rows of an import.
func (c api) ListImportRows(ctx context.Context, request ListImportRowsRequestObject) (ListImportRowsResponseObject, error) {
	var check query.Parameters
	outcome := oneOf(&check, "outcome", request.Params.Outcome, command.RowNew, command.RowExisting, command.RowRepeated, command.RowInvalid,
		command.RowImported)
	after := given(request.Params.AfterLine)
	if after < 0 || after > maxLine {
		check.Refuse("after_line", "this is the number of a line")
	}
	page := check.Page(request.Params.Limit, "")
	if err := check.Problem(); err != nil {
		return nil, err
	}
	rows, err := c.queries.ImportRows(ctx, workspaceOf(ctx), request.ID, string(outcome), after, page.Limit+1)
	return ListImportRows200JSONResponse(query.ImportRowsOf(rows, page.Limit)), err
}

// maxLine is more than a file has lines.
const maxLine = 2_000_000_000

// ConfirmImport lets the new rows of an import be brought in.
func (c api) ConfirmImport(ctx context.Context, request ConfirmImportRequestObject) (ConfirmImportResponseObject, error) {
	if err := c.commands.ConfirmCustomerImport.Handle(ctx, command.ConfirmCustomerImport{By: byOf(ctx), ID: request.ID}); err != nil {
		return nil, err
	}
	found, err := c.queries.CustomerImport(ctx, workspaceOf(ctx), request.ID)
	return ConfirmImport200JSONResponse(found), err
}

// CancelImport gives an import up.
func (c api) CancelImport(ctx context.Context, request CancelImportRequestObject) (CancelImportResponseObject, error) {
	if err := c.commands.CancelCustomerImport.Handle(ctx, command.CancelCustomerImport{By: byOf(ctx), ID: request.ID}); err != nil {
		return nil, err
	}
	found, err := c.queries.CustomerImport(ctx, workspaceOf(ctx), request.ID)
	return CancelImport200JSONResponse(found), err
}

package web

func (s *server) systemRoutes(r routes) {}

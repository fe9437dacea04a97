package web

func (s *server) staffRoutes(r routes) {}
